"""One training: a job in a thread, what it tells while it runs, and the file that it leaves."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_unet.progress import Progress, Wish
from napari_unet.widgets.job_worker import Job, JobEnd, JobWorker, Task
from napari_unet.widgets.preview_job import PreviewJob
from napari_unet.widgets.preview_wipe import PreviewPart
from napari_unet.widgets.records import PairChoice
from napari_unet.widgets.segment_run import load_chosen
from napari_unet.widgets.train_order import TrainOrder
from napari_unet.widgets.viewer_bridge.activity import Activity

if TYPE_CHECKING:
    from napari_unet.learn.train import TrainResult
    from napari_unet.model.model import Model

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
    """A training's result, and the file of the new model, where it was saved."""

    result: "TrainResult"
    path: Path | None


@dataclass(frozen=True)
class TrainEnd:
    """How a training ended, in one sentence for the user."""

    kind: Literal["done", "cancelled", "failed"]
    sentence: str = ""
    details: str = ""
    trained: Trained | None = None


class FinetuneRun(QObject):
    """Trains one model; lives until it has ended, whatever becomes of the window."""

    waiting = Signal(str)
    progressed = Signal(object)
    plots_ready = Signal()
    told = Signal(object)
    ended = Signal(object)

    _alive: set["FinetuneRun"] = set()  # noqa: RUF012

    def __init__(self, order: TrainOrder, pairs: tuple[PairChoice, ...] = ()) -> None:
        """`pairs` say where in the viewer the order's items come from."""
        super().__init__()
        self.pairs = pairs
        self.order = replace(order, items=())
        self.keeping = Keeping()
        self._activity: Activity | None = None
        self._title = f"Training {order.name}"
        self._job = Job(Task(self._title, train_in_worker), (order, self.keeping), order.settings.device, (self._show_activity,))
        self._job.waiting.connect(self.waiting)
        self._job.told.connect(self._on_job_told)
        self._job.ended.connect(self._on_job_ended)

    def start(self) -> None:
        """Begin, or wait for the device."""
        self._alive.add(self)
        self._job.start()

    def pause(self, paused: bool) -> None:
        """Rest, or go on."""
        self._job.pause() if paused else self._job.go_on()

    def stop(self) -> None:
        """End the training; what was learnt is judged."""
        self._job.stop()

    def close(self) -> None:
        """End it since nobody looks any more: what was learnt is kept, whatever the verdict."""
        self.keeping.always = True
        self._job.stop()

    def cancel(self) -> None:
        """End it as if it had never begun."""
        self._job.cancel()

    def _show_activity(self) -> None:
        self._activity = Activity(self._title)

    def _on_job_told(self, message: object) -> None:
        if isinstance(message, Progress):
            if self._activity is not None:
                self._activity.show(message)
            self.progressed.emit(message)
        elif isinstance(message, PlotsReady):
            self.plots_ready.emit()
        elif isinstance(message, str):
            self.waiting.emit(message)
        else:
            self.told.emit(message)

    def _on_job_ended(self, end: JobEnd) -> None:
        self._alive.discard(self)
        if self._activity is not None:
            self._activity.close()
        if end.kind == "done":
            self.ended.emit(TrainEnd("done", trained=end.result))
        elif end.kind == "cancelled":
            self.ended.emit(TrainEnd("cancelled", "Cancelled; nothing was kept."))
        else:
            self.ended.emit(TrainEnd("failed", end.sentence, end.details))


class Keeping:
    """Whether the new model is saved though it did not win: set by the main thread, read by the worker's."""

    always = False


def train_in_worker(worker: JobWorker, order: TrainOrder, keeping: Keeping) -> Trained:
    """The part that runs in the thread: imports, trains, judges, saves."""
    if "torch" not in sys.modules:
        worker.tell("Starting PyTorch (once per session)…")
    import_module("pyqtgraph")
    worker.tell(PlotsReady())
    from napari_unet.learn.train import train

    parent = None if order.parent is None else load_chosen(order.parent)
    teller = Teller(worker.tell)
    checkpoint = checkpoint_of(order.path)
    result = train(
        order.items,
        start=parent,
        settings=order.settings,
        name=order.name,
        classes=[item.name for item in order.classes],
        checkpoint=checkpoint,
        on_event=teller.event,
        preview=Preview(order, parent, worker.tell),
        on_progress=teller.progress,
        asked=lambda: asked(worker),
    )
    result = replace(result, model=coloured(result.model, order))
    keep = result.verdict.kind in SAVED or keeping.always or worker.abort_requested
    trained = Trained(result, save(result.model, order.path) if keep else None)
    checkpoint.unlink(missing_ok=True)
    return trained


def asked(worker: JobWorker) -> Wish:
    """What the user wants; a closing window means to stop and to keep what was learnt."""
    return Wish.STOP if worker.abort_requested else worker.asked()


def coloured(model: "Model", order: TrainOrder) -> "Model":
    """The model with the colours that were chosen for its classes."""
    return replace(model, spec=model.spec.model_copy(update={"classes": order.classes}))


def save(model: "Model", path: Path) -> Path:
    """Write a model file, verified; the folder is made where it is missing."""
    from napari_unet.model.model_file import save_model

    path.parent.mkdir(parents=True, exist_ok=True)
    return save_model(model, path)


def checkpoint_of(path: Path) -> Path:
    """Where the checkpoint of the training of a model lies."""
    folder = path.parent / "unfinished"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{path.stem}.checkpoint"


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

    def __init__(self, order: TrainOrder, parent: "Model | None", tell: Callable[[PreviewPart], None]) -> None:
        self._order, self._tell = order, tell
        self._job = PreviewJob(order.items[0].scan, parent, order.settings.device)

    def __call__(self, model: "Model", step: int) -> None:
        """Predict the part in view."""
        place = self._order.places.of.get(model.spec.architecture.dimensions)
        if place is not None:
            self._tell(self._job.part(model, place))
