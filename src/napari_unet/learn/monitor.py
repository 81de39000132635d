"""What a training tells while it runs: the loss of each step, now and then a held-out score, and a
chance to look.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.errors import Cancelled
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.judging.confusion import dice_of
from napari_unet.learn.judging.regions import Look, counts_of, labels_of, middle
from napari_unet.learn.judging.sampling_units import Judged, Piece
from napari_unet.learn.optimise.fit import FitStep
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, Stopped

MONITORED_VOXELS = 2**16
SCORE_SHARE = 0.04  # of the time, for held-out scores
PREVIEW_SHARE = 0.2
PREVIEW_S = 3.0


@dataclass(frozen=True)
class StepDone:
    """A step that was just done, of how many, and its loss."""

    step: int
    total: int
    loss: float


@dataclass(frozen=True)
class HeldOutScore:
    """Dice per class on some of the held-out voxels, of the averaged network at that step."""

    step: int
    dice: dict[str, float]


@dataclass(frozen=True)
class PreviewFailed:
    """What a preview raised; there are no more of them, and the training goes on."""

    step: int
    error: Exception

    @property
    def sentence(self) -> str:
        """What a user should know of it."""
        return f"The preview failed at step {self.step} and was left out from then on ({type(self.error).__name__}: {self.error})."


Event = StepDone | HeldOutScore | PreviewFailed
OnEvent = Callable[[Event], None]
Preview = Callable[[Model, int], None]


def no_event(event: Event) -> None:
    """Take an event and do nothing: the default listener."""


class Now:
    """Says when something may be done again that is to take no more than a share of the time."""

    def __init__(self, share: float, least_s: float, first_s: float) -> None:
        self._share = share
        self._least_s = least_s
        self._next = time.monotonic() + max(least_s, first_s / share)

    def due(self) -> bool:
        """Whether it may be done now."""
        return time.monotonic() >= self._next

    def took(self, since: float) -> None:
        """Take note that it was done, and has taken until now."""
        now = time.monotonic()
        self._next = now + max(self._least_s, (now - since) / self._share)


class Watch:
    """Told of every step; passes it on, and scores and previews the averaged network now and then.

    Scores are told and nothing more: they choose neither the weights nor when it ends, else they
    would judge themselves.
    """

    def __init__(
        self,
        spec: ModelSpec,
        items: Sequence[TrainItem],
        judged: Judged,
        device: str,
        seconds_per_voxel: float,
    ) -> None:
        self._spec = spec
        self._items = items
        self._device = device
        self._judged = _some(judged)
        self._looks = [Look(piece.item, piece.frame, piece.region) for piece in self._judged.pieces]
        voxels = sum(piece.units.size for piece in self._judged.pieces)
        self._scores = Now(SCORE_SHARE, 0.0, voxels * seconds_per_voxel)
        self._previews = Now(PREVIEW_SHARE, PREVIEW_S, 0.0)
        self._previewing = True

    def begin(self, old: UNet | None, on_event: OnEvent, control: GetControl) -> None:
        """Score the network that is started from, as step 0."""
        if old is not None and self._looks:
            on_event(HeldOutScore(0, self._dice(old, control)))

    def look(
        self, step: FitStep, on_event: OnEvent, preview: Preview | None, control: GetControl
    ) -> None:
        """Pass on a step, and what else is due."""
        on_event(StepDone(step.done, step.total, step.loss))
        if self._looks and self._scores.due():
            began = time.monotonic()
            on_event(HeldOutScore(step.done, self._dice(step.averaged, control)))
            self._scores.took(began)
        if preview is not None and self._previewing and self._previews.due():
            began = time.monotonic()
            self._show(preview, step, on_event)
            self._previews.took(began)

    def _show(self, preview: Preview, step: FitStep, on_event: OnEvent) -> None:
        """Preview; what it raises (but for the user's wish) is told once and ends the previews, not
        the training.
        """
        try:
            preview(Model(self._spec, step.averaged, ""), step.done)
        except (Cancelled, Stopped):
            raise
        except Exception as error:
            self._previewing = False
            for each in (error, error.__cause__):  # let go of the arrays that memory ran out with
                traceback.clear_frames(None if each is None else each.__traceback__)
            on_event(PreviewFailed(step.done, error))

    def _dice(self, network: UNet, control: GetControl) -> dict[str, float]:
        model = Model(self._spec, network, "")
        labels = labels_of(model, self._items, self._looks, self._device, control)
        scores = dice_of(
            counts_of(self._items, self._judged, self._looks, labels, len(self._spec.classes))
        )
        return {
            each.name: float(score)
            for each, score in zip(self._spec.classes, scores, strict=True)
            if np.isfinite(score)
        }


def _some(judged: Judged) -> Judged:
    """The first pieces that are not too many voxels together, or the middle of the first one."""
    sizes = np.cumsum([piece.units.size for piece in judged.pieces])
    kept = int(np.searchsorted(sizes, MONITORED_VOXELS, side="right"))
    pieces = judged.pieces[:kept] or tuple(_cropped(piece) for piece in judged.pieces[:1])
    return Judged(pieces, judged.units, judged.kind)


def _cropped(piece: Piece) -> Piece:
    look = Look(piece.item, piece.frame, piece.region)
    region = middle(piece.region, MONITORED_VOXELS)
    return replace(piece, region=region, units=look.part(piece.units, region))
