"""Long jobs, one at a time on each device: a queue, a thread for each, and how it ended."""

import atexit
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.errors import NapariUNetError, with_notes
from napari_unet.files.full_disk import is_no_space, no_space
from napari_unet.progress import Control
from napari_unet.segment.engine.out_of_memory import is_out_of_memory, not_enough_memory
from napari_unet.widgets.jobs.threads import job_threads
from napari_unet.widgets.jobs.worker import JobFunction, JobWorker

AUTO = "auto"


@dataclass(frozen=True)
class JobEnd:
    """How a job ended; `result` is what it returned, `sentence` and `details` say why it failed."""

    kind: Literal["done", "cancelled", "failed"]
    result: Any = None
    sentence: str = ""
    details: str = ""


class Job(QObject):
    """One long job: waits until its device is free, runs in a thread, and reports to the main
    thread by signals.
    """

    waiting = Signal(str)
    started = Signal()
    reported = Signal(object)
    ended = Signal(object)

    _running: ClassVar[list["Job"]] = []
    _queue: ClassVar[list["Job"]] = []

    def __init__(
        self,
        task: JobFunction,
        args: tuple[Any, ...],
        device: str = AUTO,
        prepare: Sequence[Callable[[], None]] = (),
    ) -> None:
        """The steps of `prepare` are done on the main thread before the task begins, one each turn
        of the event loop: beside a task that computes they would be several times slower, since
        both need Python's lock.
        """
        super().__init__()
        self._task = task
        self._steps = list(prepare)
        self._ended_early = False
        self._first_request = Control.CONTINUE
        self._args = args
        self._device = device
        self._worker: JobWorker | None = None
        self._end: JobEnd | None = None

    def start(self) -> None:
        """Run now, or as soon as the earlier jobs have left the device."""
        if ahead := [job for job in (*self._running, *self._queue) if self._shares_device(job)]:
            self._queue.append(self)
            self.waiting.emit(f"Waiting for {ahead[0]._task!r} to end on the same device.")
        else:
            self._begin()

    def stop(self) -> None:
        """Ask for an end that keeps what is done."""
        self._end_with(Control.STOP)

    def cancel(self) -> None:
        """Ask for an end as if it had never begun."""
        self._end_with(Control.CANCEL)

    def pause(self) -> None:
        """Ask for a pause; a job that has not begun yet pauses when it does."""
        self._pause_or_continue(Control.PAUSE)

    def resume(self) -> None:
        """Ask for the end of a pause."""
        self._pause_or_continue(Control.CONTINUE)

    def _pause_or_continue(self, control: Control) -> None:
        if self._worker is None:
            self._first_request = control
        else:
            self._worker.request(control)

    def _end_with(self, control: Control) -> None:
        if self in self._queue:
            self._queue.remove(self)
            self._args = ()
            self._steps = []
            self.ended.emit(JobEnd("cancelled"))
        elif self._worker is not None:
            self._worker.request(control)
        else:  # its steps are being done
            self._ended_early = True

    def _shares_device(self, other: "Job") -> bool:
        return AUTO in (self._device, other._device) or self._device == other._device

    def _begin(self) -> None:
        self._running.append(self)
        self.started.emit()
        if self._steps:
            QTimer.singleShot(0, self._prepare)
        else:
            self._start_worker()

    def _prepare(self) -> None:
        """Take one step, then leave the event loop a turn; after the last one the thread begins."""
        try:
            if self._steps and not self._ended_early:
                self._steps.pop(0)()
                QTimer.singleShot(0, self._prepare)
                return
        except Exception as error:
            self._on_worker_failed(error)
            self._ended_early = True
        if self._ended_early:
            self._args = ()
            self._steps = []
            self._on_worker_finished()
        else:
            self._start_worker()

    def _start_worker(self) -> None:
        slots = {
            "reported": self._on_worker_reported,
            "failed": self._on_worker_failed,
            "returned": self._on_worker_returned,
            "finished": self._on_worker_finished,
        }
        self._worker = create_worker(
            self._task,
            *self._args,
            _worker_class=JobWorker,
            _start_thread=False,
            _connect=slots,
        )
        self._args = ()
        self._worker.request(self._first_request)
        self._worker.start()

    def _on_worker_reported(self, message: object) -> None:
        self.reported.emit(message)

    def _on_worker_returned(self, result: object) -> None:
        cancelled = self._worker is None or self._worker.was_cancelled
        self._end = JobEnd("cancelled") if cancelled else JobEnd("done", result)

    def _on_worker_failed(self, error: Exception) -> None:
        details = "".join(traceback.format_exception(error))
        self._end = JobEnd("failed", None, explain(error), details)

    def _on_worker_finished(self) -> None:
        self._worker = None
        self._running.remove(self)
        self.ended.emit(self._end or JobEnd("cancelled"))
        self._end = None
        _start_waiting()


def busy() -> bool:
    """Whether a job is running."""
    return bool(Job._running)


def _start_waiting() -> None:
    for job in list(Job._queue):
        if not any(job._shares_device(other) for other in Job._running):
            Job._queue.remove(job)
            job._begin()


@atexit.register
def _end_all() -> None:
    """Let no thread outlive the program: jobs that nobody has ended yet are cancelled."""
    for job in Job._running:
        if job._worker is not None and job._worker.control() in (Control.CONTINUE, Control.PAUSE):
            job._worker.quit()
    if Job._running:
        job_threads().waitForDone()


def in_background(run: Callable[[], None]) -> None:
    """Run something short in a thread; nobody waits for its end."""
    threading.Thread(target=run, daemon=True).start()


def explain(error: Exception) -> str:
    """One sentence for an error of a job."""
    if isinstance(error, NapariUNetError):
        return with_notes(str(error), error)
    if is_out_of_memory(error):
        return str(not_enough_memory(error))
    if is_no_space(error):
        return with_notes(str(no_space(None, error)), error)
    first = str(error).strip().partition("\n")[0][:200] or type(error).__name__
    return f"The run failed: {first}."
