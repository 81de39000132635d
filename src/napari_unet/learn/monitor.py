"""What a training reports while it runs: the loss of each step, now and then a held-out score, and
a preview of the network as it is by then.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.errors import Cancelled
from napari_unet.learn.data.boxes import middle_of
from napari_unet.learn.judging.confusion import dice_per_class
from napari_unet.learn.judging.regions import ComparedRegion, confusion_in
from napari_unet.learn.judging.sampling_units import JudgedRegion, JudgedRegions
from napari_unet.learn.optimise.fit import FitStep
from napari_unet.learn.setup.prepare import Prepared
from napari_unet.model.model import Model
from napari_unet.model.unet import UNet
from napari_unet.progress import Stopped

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
    """What a preview raised; there are no more of them, and the training continues."""

    step: int
    error: Exception

    @property
    def sentence(self) -> str:
        """What a user should know of it."""
        return (
            f"The preview failed at step {self.step} and was left out from then on "
            f"({type(self.error).__name__}: {self.error})."
        )


Event = StepDone | HeldOutScore | PreviewFailed
OnEvent = Callable[[Event], None]
Preview = Callable[[Model, int], None]
SegmentRegions = Callable[[Model, Sequence[ComparedRegion]], list[np.ndarray]]


def no_event(event: Event) -> None:
    """Take an event and do nothing: the default listener."""


class TimeShare:
    """Decides when something may be done again that is to take no more than a share of the time."""

    def __init__(self, share: float, least_s: float, first_s: float) -> None:
        """At least `least_s` lie between two times; the first one is expected to take `first_s`."""
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


class Monitor:
    """Reports every step, and now and then scores and previews the averaged network.

    Scores are reported and nothing more: they choose neither the weights nor when the training
    ends, else what is held out would no longer judge independently.
    """

    def __init__(
        self,
        prepared: Prepared,
        segment_regions: SegmentRegions,
        seconds_per_voxel: float,
        on_event: OnEvent,
        preview: Preview | None,
    ) -> None:
        self._spec = prepared.spec
        self._items = prepared.items
        self._segment_regions = segment_regions
        self._judged = _monitored_part(prepared.held.judged)
        self._regions = [
            ComparedRegion(each.item, each.frame, each.slices) for each in self._judged.regions
        ]
        voxels = sum(each.unit_numbers.size for each in self._judged.regions)
        self._scores = TimeShare(SCORE_SHARE, 0.0, voxels * seconds_per_voxel)
        self._previews = TimeShare(PREVIEW_SHARE, PREVIEW_S, 0.0)
        self._on_event = on_event
        self._preview = preview

    def score_start(self, start: UNet | None) -> None:
        """Score the network that is started from, as step 0."""
        if start is not None and self._regions:
            self._on_event(HeldOutScore(0, self._dice(start)))

    def on_step(self, step: FitStep) -> None:
        """Report a step, and what else is due."""
        self._on_event(StepDone(step.done, step.total, step.loss))
        if self._regions and self._scores.due():
            began = time.monotonic()
            self._on_event(HeldOutScore(step.done, self._dice(step.averaged)))
            self._scores.took(began)
        if self._preview is not None and self._previews.due():
            began = time.monotonic()
            self._show(self._preview, step)
            self._previews.took(began)

    def _show(self, preview: Preview, step: FitStep) -> None:
        """Preview; what it raises (but for what the user wants) is reported once and ends the
        previews, not the training.
        """
        try:
            preview(Model(self._spec, step.averaged, ""), step.done)
        except (Cancelled, Stopped):
            raise
        except Exception as error:
            self._preview = None
            # let go of the arrays that memory ran out with: the traceback holds every local
            for each in (error, error.__cause__):
                traceback.clear_frames(None if each is None else each.__traceback__)
            self._on_event(PreviewFailed(step.done, error))

    def _dice(self, network: UNet) -> dict[str, float]:
        labels = self._segment_regions(Model(self._spec, network, ""), self._regions)
        classes = self._spec.classes
        confusion = confusion_in(self._items, self._judged, self._regions, labels, len(classes))
        scores = dice_per_class(confusion)
        return {
            each.name: float(score)
            for each, score in zip(classes, scores, strict=True)
            if np.isfinite(score)
        }


def _monitored_part(judged: JudgedRegions) -> JudgedRegions:
    """The first regions that are not too many voxels together, or the middle of the first one."""
    sizes = np.cumsum([each.unit_numbers.size for each in judged.regions])
    count = int(np.searchsorted(sizes, MONITORED_VOXELS, side="right"))
    regions = judged.regions[:count] or tuple(_middle(each) for each in judged.regions[:1])
    return replace(judged, regions=regions)


def _middle(judged: JudgedRegion) -> JudgedRegion:
    whole = ComparedRegion(judged.item, judged.frame, judged.slices)
    slices = middle_of(judged.slices, MONITORED_VOXELS)
    return replace(judged, slices=slices, unit_numbers=whole.part(judged.unit_numbers, slices))
