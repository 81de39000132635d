"""One training: a job in a thread, and what it reports while it runs."""

from dataclasses import dataclass, replace

from qtpy.QtCore import Signal

from napari_unet.widgets.docks.run import Run, RunEnd, Work
from napari_unet.widgets.fields.values import PairChoice
from napari_unet.widgets.finetune.order import TrainOrder
from napari_unet.widgets.finetune.task import PlotsReady, SaveAnyway, Trained, train_in_worker
from napari_unet.widgets.jobs.job import JobEnd


@dataclass(frozen=True)
class TrainEnd(RunEnd):
    """How a training ended, with its result where it was done."""

    trained: Trained | None = None


class FinetuneRun(Run):
    """Trains one model; lives until it has ended, whatever becomes of the window."""

    plots_ready = Signal()
    reported = Signal(object)

    def __init__(self, order: TrainOrder, pairs: tuple[PairChoice, ...] = ()) -> None:
        """`pairs` say where in the viewer the order's items come from."""
        save_anyway = SaveAnyway()
        work = Work(train_in_worker, (order, save_anyway), order.settings.device)
        super().__init__(f"Training {order.name}", work)
        self.pairs = pairs
        self.order = replace(order, items=())
        self._save_anyway = save_anyway

    def pause(self, paused: bool) -> None:
        """Rest, or resume."""
        self._job.pause() if paused else self._job.resume()

    def stop(self) -> None:
        """End the training; what was learnt is judged, and kept whatever the verdict."""
        self._save_anyway.requested = True
        super().stop()

    def take_message(self, message: object) -> None:
        """Pass on that plots can be drawn, and what is to be plotted."""
        if isinstance(message, PlotsReady):
            self.plots_ready.emit()
        else:
            self.reported.emit(message)

    def close(self, end: JobEnd) -> TrainEnd:
        """The result, or why there is none."""
        if end.kind == "done":
            return TrainEnd("done", trained=end.result)
        if end.kind == "cancelled":
            return TrainEnd("cancelled", "Cancelled; nothing was kept.")
        return TrainEnd("failed", end.sentence, end.details)
