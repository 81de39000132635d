"""A training in its worker's thread: it imports, trains, judges, saves, and reports on the way."""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.errors import CheckpointError, NapariUNetError
from napari_unet.files.moves import discard
from napari_unet.files.only_writer import only_writer_where_possible
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

_logger = logging.getLogger(__name__)

RESUMED = "Resumed the interrupted training."
NOT_RESUMED = "{} Beginning anew…"
REPORT_S = 0.1  # between two reports of progress
SAVED_KINDS = ("child", "not judged")  # verdicts with which the new model is saved


@dataclass(frozen=True)
class Losses:
    """The steps since the last report, and the loss of each."""

    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class HeldOut:
    """The mean Dice of the foreground classes on the held-out regions; step 0 is the old model."""

    step: int
    dice: float


@dataclass(frozen=True)
class PlotsReady:
    """pyqtgraph has been imported, so that curves can be drawn."""


@dataclass(frozen=True)
class Trained:
    """A training's result, and the file of the new model where it is saved; `problem` says why it
    could not be.
    """

    result: "TrainResult"
    path: Path | None
    problem: str = ""


class SaveAnyway:
    """Whether the new model is saved though it did not win: set on the main thread by a stop, read
    by the worker at the end.
    """

    requested = False


def train_in_worker(worker: JobWorker, order: TrainOrder, save_anyway: SaveAnyway) -> Trained:
    """Train as ordered, and save the new model where that is right; runs in the worker's thread."""
    if "torch" not in sys.modules:
        worker.report("Starting PyTorch (once per session)…")
    import_module("pyqtgraph")
    worker.report(PlotsReady())
    with only_writer_where_possible(order.path):
        return _trained(worker, order, save_anyway)


def _trained(worker: JobWorker, order: TrainOrder, save_anyway: SaveAnyway) -> Trained:
    parent = None if order.parent is None else load_entry(order.parent)
    result = resumed(worker, order, parent) if order.resume else None
    result = result or train_and_judge(worker, order, parent)
    note_turn(order, result.settings.held_out_turn)
    result = replace(result, model=with_colours(result.model, order))
    won = result.verdict.kind in SAVED_KINDS or parent is None  # else nothing would be left
    if not (won or save_anyway.requested or worker.abort_requested):
        return not_saved(result, order.path)
    trained = saved(result, order.path)
    if trained.path is None and worker.abort_requested:
        save_without_window(trained, order.path)
    return trained


def save_without_window(trained: Trained, path: Path) -> None:
    """Save a model elsewhere that could not be saved when the window was closed, since nobody is
    there to choose a folder; the log says where.
    """
    from napari_unet.model.library import save_elsewhere

    if (other := save_elsewhere(trained.result.model, path)) is not None:
        _logger.warning("%s The new model is in %s instead.", trained.problem, other)


def train_and_judge(
    worker: JobWorker, order: TrainOrder, parent: "Model | None", resume: bool = False
) -> "TrainResult":
    """Train and judge; `resume` begins at the checkpoint, and raises `CheckpointError` where that
    is of another training.
    """
    from napari_unet.learn.train import train

    reporter = Reporter(worker.report)
    return train(
        order.items,
        start=parent,
        settings=order.settings,
        name=order.name,
        classes=[item.name for item in order.classes],
        checkpoint=checkpoint_of(order.path),
        resume=resume,
        on_event=reporter.event,
        preview=Preview(order, parent, worker.report),
        on_progress=reporter.progress,
        control=lambda: control_of(worker),
    )


def resumed(worker: JobWorker, order: TrainOrder, parent: "Model | None") -> "TrainResult | None":
    """Resume an interrupted training; None, and a sentence for the user, where its checkpoint is of
    another one.
    """
    try:
        result = train_and_judge(worker, order, parent, resume=True)
    except CheckpointError as error:
        worker.report(NOT_RESUMED.format(error))
        return None
    return replace(result, notes=(RESUMED, *result.notes))


def saved(result: "TrainResult", path: Path, checkpoint: Path | None = None) -> Trained:
    """Save the new model; where that fails it stays in memory, and its checkpoint on the disk. That
    lies elsewhere than usual where the model is saved under another path than was meant.
    """
    try:
        trained = Trained(result, save(result.model, path))
    except (NapariUNetError, OSError) as error:
        return Trained(result, None, str(error))
    discard(checkpoint or checkpoint_of(path))
    return trained


def not_saved(result: "TrainResult", path: Path) -> Trained:
    """Leave the new model unsaved, in memory alone, and delete its checkpoint."""
    discard(checkpoint_of(path))
    return Trained(result, None)


def control_of(worker: JobWorker) -> Control:
    """What the user wants; a window that closes stops the training and keeps what was learnt."""
    return Control.STOP if worker.abort_requested else worker.control()


def with_colours(model: "Model", order: TrainOrder) -> "Model":
    """The model with the names and colours that were chosen for its classes."""
    return replace(model, spec=model.spec.model_copy(update={"classes": order.classes}))


def save(model: "Model", path: Path) -> Path:
    """Write a model file and verify it; imports torch only now."""
    from napari_unet.model.library import save_model

    return save_model(model, path)


class Reporter:
    """Passes on the events of a training, ten times a second at most."""

    def __init__(self, report: Callable[[object], None]) -> None:
        self._report = report
        self._points: list[tuple[int, float]] = []
        self._next = 0.0

    def event(self, event: Any) -> None:
        """Collect the loss of a step, or report a held-out score at once."""
        if hasattr(event, "loss"):
            self._points.append((event.step, event.loss))
        elif hasattr(event, "dice"):
            foreground = list(event.dice.values())[1:] or list(event.dice.values())
            if foreground:
                self._report(HeldOut(event.step, sum(foreground) / len(foreground)))

    def progress(self, progress: Progress) -> None:
        """Report how far the training is, with the losses since the last report."""
        now = time.monotonic()
        if now < self._next and progress.done < progress.total:
            return
        self._next = now + REPORT_S
        self._report(progress)
        if self._points:
            self._report(Losses(tuple(self._points)))
            self._points = []


class Preview:
    """Reports the part in view as the new model segments it by now."""

    def __init__(
        self, order: TrainOrder, parent: "Model | None", report: Callable[[PreviewPart], None]
    ) -> None:
        self._order = order
        self._report = report
        self._job = PreviewJob(order.items[0].scan, parent, order.settings)

    def __call__(self, model: "Model", step: int) -> None:
        """Predict the part in view; called by the training between two steps."""
        region = self._order.preview.by_dimensions.get(model.spec.architecture.dimensions)
        if region is not None:
            self._report(self._job.part(model, region))
