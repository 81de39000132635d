"""A training in its worker's thread: imports, trains, judges, saves, and tells about it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.errors import CheckpointError, NapariUNetError
from napari_unet.model.library import load_entry
from napari_unet.progress import Control, Progress
from napari_unet.widgets.finetune.fields.preview import PreviewPart
from napari_unet.widgets.finetune.order import TrainOrder
from napari_unet.widgets.finetune.preview_job import PreviewJob
from napari_unet.widgets.finetune.unfinished import checkpoint_of, note_turn
from napari_unet.widgets.jobs.worker import JobWorker

if TYPE_CHECKING:
    from napari_unet.learn.train import TrainResult
    from napari_unet.model.model import Model

GONE_ON = "Went on with the interrupted training."
NOT_GONE_ON = "{} Beginning anew…"
TELL_S = 0.1
SAVED = ("child", "not judged")


@dataclass(frozen=True)
class Losses:
    """Steps that were done since the last time, and the loss of each."""

    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class HeldOut:
    """The mean Dice of the foreground classes on what is held out; step 0 is the old model."""

    step: int
    dice: float


@dataclass(frozen=True)
class PlotsReady:
    """pyqtgraph has been imported."""


@dataclass(frozen=True)
class Trained:
    """A training's result, and the file of the new model, where it was saved; `problem` says why it
    could not be.
    """

    result: "TrainResult"
    path: Path | None
    problem: str = ""


class Keeping:
    """Whether the new model is saved though it did not win: set by the main thread, read by the
    worker's.
    """

    always = False


def train_in_worker(worker: JobWorker, order: TrainOrder, keeping: Keeping) -> Trained:
    """The part that runs in the thread: imports, trains, judges, saves."""
    if "torch" not in sys.modules:
        worker.report("Starting PyTorch (once per session)…")
    import_module("pyqtgraph")
    worker.report(PlotsReady())
    parent = None if order.parent is None else load_entry(order.parent)
    result = gone_on(worker, order, parent) if order.resume else None
    result = result or learnt(worker, order, parent)
    note_turn(order, result.settings.held_out_turn)
    result = replace(result, model=coloured(result.model, order))
    keep = result.verdict.kind in SAVED or keeping.always or worker.abort_requested
    return kept(result, order.path) if keep else dropped(result, order.path)


def learnt(
    worker: JobWorker, order: TrainOrder, parent: "Model | None", resume: bool = False
) -> "TrainResult":
    """Train and judge; `resume` goes on from the checkpoint, and raises `CheckpointError` where it
    is of another training.
    """
    from napari_unet.learn.train import train

    teller = Teller(worker.report)
    return train(
        order.items,
        start=parent,
        settings=order.settings,
        name=order.name,
        classes=[item.name for item in order.classes],
        checkpoint=checkpoint_of(order.path),
        resume=resume,
        on_event=teller.event,
        preview=Preview(order, parent, worker.report),
        on_progress=teller.progress,
        control=lambda: control(worker),
    )


def gone_on(worker: JobWorker, order: TrainOrder, parent: "Model | None") -> "TrainResult | None":
    """Go on with an interrupted training; None, and a word to the user, where that is not this one."""
    try:
        result = learnt(worker, order, parent, resume=True)
    except CheckpointError as error:
        worker.report(NOT_GONE_ON.format(error))
        return None
    return replace(result, notes=(GONE_ON, *result.notes))


def kept(result: "TrainResult", path: Path) -> Trained:
    """The result with its model saved; where that fails it stays in memory, and its checkpoint on
    the disk.
    """
    try:
        trained = Trained(result, save(result.model, path))
    except (NapariUNetError, OSError) as error:
        return Trained(result, None, str(error))
    checkpoint_of(path).unlink(missing_ok=True)
    return trained


def dropped(result: "TrainResult", path: Path) -> Trained:
    """The result of which nothing is saved."""
    checkpoint_of(path).unlink(missing_ok=True)
    return Trained(result, None)


def control(worker: JobWorker) -> Control:
    """What the user wants; a closing window means to stop and to keep what was learnt."""
    return Control.STOP if worker.abort_requested else worker.control()


def coloured(model: "Model", order: TrainOrder) -> "Model":
    """The model with the colours that were chosen for its classes."""
    return replace(model, spec=model.spec.model_copy(update={"classes": order.classes}))


def save(model: "Model", path: Path) -> Path:
    """Write a model file, verified."""
    from napari_unet.model.library import save_model

    return save_model(model, path)


class Teller:
    """Passes on what a training tells, ten times a second at most."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._points: list[tuple[int, float]] = []
        self._next = 0.0

    def event(self, event: Any) -> None:
        """Take the loss of a step, or a held-out score."""
        if hasattr(event, "loss"):
            self._points.append((event.step, event.loss))
        elif hasattr(event, "dice"):
            foreground = list(event.dice.values())[1:] or list(event.dice.values())
            if foreground:
                self._tell(HeldOut(event.step, sum(foreground) / len(foreground)))

    def progress(self, progress: Progress) -> None:
        """Pass on how far it is, with the losses since the last time."""
        now = time.monotonic()
        if now < self._next and progress.done < progress.total:
            return
        self._next = now + TELL_S
        self._tell(progress)
        if self._points:
            self._tell(Losses(tuple(self._points)))
            self._points = []


class Preview:
    """Shows the part in view as the new model sees it by now."""

    def __init__(
        self, order: TrainOrder, parent: "Model | None", tell: Callable[[PreviewPart], None]
    ) -> None:
        self._order = order
        self._tell = tell
        self._job = PreviewJob(order.items[0].scan, parent, order.settings.device)

    def __call__(self, model: "Model", step: int) -> None:
        """Predict the part in view."""
        place = self._order.places.of.get(model.spec.architecture.dimensions)
        if place is not None:
            self._tell(self._job.part(model, place))
