"""One run: a job in a thread, the arrays it fills, and the layers that show them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qtpy.QtCore import QObject, Signal

from napari_unet.progress import Progress
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.jobs.job import Job, JobEnd, Task
from napari_unet.widgets.segment.result_layer import ResultLayer
from napari_unet.widgets.segment.task import Facts, RunOrder, TileShown, segment_in_worker
from napari_unet.widgets.viewer.activity import Activity
from napari_unet.words import duration


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, in one sentence for the user; `layer` names the result where there is one."""

    kind: Literal["done", "stopped", "cancelled", "failed"]
    sentence: str
    details: str = ""


Show = Callable[[ResultArrays], ResultLayer | None]


class SegmentRun(QObject):
    """Segments one scan into one `ResultLayer`; lives until it has ended, whatever becomes of the
    window.
    """

    waiting = Signal(str)
    progressed = Signal(object)
    ended = Signal(object)

    _alive: set["SegmentRun"] = set()  # noqa: RUF012

    def __init__(self, title: str, order: RunOrder, show: "Show") -> None:
        """`show` puts the layers of the run into the viewer, when it is the run's turn."""
        super().__init__()
        self._arrays = order.arrays
        self._focus = order.focus
        self.file = order.keep_in
        self._show: Show | None = show
        self._result: ResultLayer | None = None
        self._activity: Activity | None = None
        self._title = title
        self.model = order.model
        self._tiles = (0, 0)
        self._begun = 0.0
        self._facts = Facts()
        steps = (self._show_labels, self._show_hatching, self._show_activity)
        self._job = Job(
            Task(title, segment_in_worker), (order, self._facts), order.job.settings.device, steps
        )
        self._job.waiting.connect(self.waiting)
        self._job.started.connect(self._on_job_started)
        self._job.told.connect(self._on_job_told)
        self._job.ended.connect(self._on_job_ended)

    @property
    def result(self) -> ResultLayer | None:
        """The layers of the run."""
        return self._result

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles are done, of how many."""
        return self._tiles

    def start(self) -> None:
        """Begin, or wait for the device."""
        self._alive.add(self)
        self._job.start()

    def stop(self) -> None:
        """End the run and keep what is done."""
        self._job.stop()

    def cancel(self) -> None:
        """End the run as if it had never begun."""
        self._job.cancel()

    def _on_job_started(self) -> None:
        self._begun = time.monotonic()

    def _show_labels(self) -> None:
        show = self._show
        self._show = None
        self._result = show(self._arrays) if show is not None else None
        if self._result is None:  # the viewer was closed meanwhile
            self.cancel()
        else:
            self._result.gone.connect(self.cancel if self.file is None else self.stop)

    def _show_hatching(self) -> None:
        if self._result is not None:
            self._result.add_hatching()

    def _show_activity(self) -> None:
        self._activity = Activity(self._title)

    def _on_job_told(self, message: object) -> None:
        if isinstance(message, Progress):
            if self._activity is not None:
                self._activity.show(message)
            self.progressed.emit(message)
        elif isinstance(message, TileShown):
            self._tiles = (message.done, message.total)
            if self._result is not None:
                self._result.show_changes()
        elif isinstance(message, str):
            self.waiting.emit(message)

    def _on_job_ended(self, end: JobEnd) -> None:
        self._alive.discard(self)
        self._show = None
        self._focus.stop()
        self._arrays.forget_scan()
        if self._activity is not None:
            self._activity.close()
        if self._result is not None:
            self._result.remove() if self._nothing_to_keep(end) else self._result.finish(
                self._facts.as_dict()
            )
        self.ended.emit(self._report(end))

    def _nothing_to_keep(self, end: JobEnd) -> bool:
        deleted = self._result is not None and self._result.labels is None
        return end.kind == "cancelled" or self._tiles[0] == 0 or deleted

    def _report(self, end: JobEnd) -> RunEnd:
        done, total = self._tiles
        if end.kind == "cancelled":
            earlier = (
                "what earlier runs have kept stays." if self._facts.earlier else "nothing was kept."
            )
            return RunEnd("cancelled", f"Cancelled; {earlier}")
        kept = "" if self._facts.kept in end.sentence else f" {self._facts.kept}"
        if end.kind == "failed":
            rest = (
                f" The {done} finished tiles of {total} are kept; the rest is marked as not computed."
                if done
                else ""
            )
            return RunEnd("failed", end.sentence + rest + kept, end.details)
        if done < total or total == 0 or self._facts.unfinished:
            marked = ", the rest is marked as not computed" if done < total else ""
            rest = f"{done} of {total} tiles are done{marked}." if done else "nothing was done yet."
            return RunEnd("stopped", f"Stopped: {rest}{kept}")
        took = duration(time.monotonic() - self._begun, exact=True)
        return RunEnd("done", f"Done in {took} {self._facts.told()}{kept}")
