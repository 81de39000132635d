"""One training: a job in a thread, and what it tells while it runs."""

from dataclasses import dataclass, replace
from typing import Literal

from qtpy.QtCore import QObject, Signal

from napari_unet.progress import Progress
from napari_unet.widgets.fields.values import PairChoice
from napari_unet.widgets.finetune.order import TrainOrder
from napari_unet.widgets.finetune.task import Keeping, PlotsReady, Trained, train_in_worker
from napari_unet.widgets.jobs.job import Job, JobEnd, Task
from napari_unet.widgets.viewer.activity import Activity


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
        self._job = Job(
            Task(self._title, train_in_worker),
            (order, self.keeping),
            order.settings.device,
            (self._show_activity,),
        )
        self._job.waiting.connect(self.waiting)
        self._job.told.connect(self._on_job_told)
        self._job.ended.connect(self._on_job_ended)

    def start(self) -> None:
        """Begin, or wait for the device."""
        self._alive.add(self)
        self._job.start()

    def pause(self, paused: bool) -> None:
        """Rest, or go on."""
        self._job.pause() if paused else self._job.resume()

    def stop(self) -> None:
        """End the training; what was learnt is judged, and kept whatever the verdict."""
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
