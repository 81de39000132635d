"""Long jobs: one at a time on each device, in a thread of `threads`, paused and ended by a
`Control` that the job asks for.
"""

import atexit
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from napari.qt.threading import FunctionWorker, create_worker
from qtpy.QtCore import QObject, QTimer, Signal
from superqt.utils._qthreading import WorkerBaseSignals

from napari_unet.errors import Cancelled, NapariUNetError
from napari_unet.progress import Control
from napari_unet.segment.engine.out_of_memory import is_out_of_memory, not_enough_memory
from napari_unet.widgets.jobs.threads import give_way, job_threads

AUTO = "auto"


@dataclass(frozen=True)
class JobEnd:
    """How a job ended; `result` is what it returned, `sentence` and `details` say why it failed."""

    kind: Literal["done", "cancelled", "failed"]
    result: Any = None
    sentence: str = ""
    details: str = ""


class JobSignals(WorkerBaseSignals):
    """A worker's signals, one for whatever the task tells while it runs, and one for its error.

    `errored` stays silent: napari connects a function to it that fails with PySide6.
    """

    told = Signal(object)
    failed = Signal(object)


class JobWorker(FunctionWorker):  # type: ignore[misc]
    """Runs `func(worker, *args)` in a thread; forgets its arguments at the end, whatever happens."""

    def __init__(self, func: Callable[..., Any], *args: Any) -> None:
        super().__init__(func, *args)
        self._func: Any
        self._args: tuple[Any, ...]
        self._kwargs: dict[str, Any]
        self.signals = JobSignals()
        self.answer = Control.CONTINUE
        self.was_cancelled = False

    def start(self) -> None:
        """Begin in a thread of our own, listed among napari's workers so that its closing window
        finds it.
        """
        self._worker_set.add(self)
        self._finished.connect(self._set_discard)
        job_threads().start(self)

    def run(self) -> None:
        """What the thread pool calls: as superqt's own, but it leaves the warnings filter of the
        process alone.

        That filter is shared by all threads; changing it here would show warnings that the main
        thread is just silencing, and two workers could leave it changed for good.
        """
        self.started.emit()
        self._running = True
        try:
            result = self.work()
            if not self.abort_requested:
                self.returned.emit(result)
        except Exception as error:
            self.signals.failed.emit(error)
        self._running = False
        self.finished.emit()
        self._finished.emit(self)

    def work(self) -> Any:
        """Run the task in the worker's thread; a cancel is an end, not an error."""
        give_way()
        try:
            return self._func(self, *self._args)
        except Cancelled:
            self.was_cancelled = True
            return None
        finally:
            self._func = None
            self._args = ()
            self._kwargs = {}

    def ask_for(self, answer: Control) -> None:
        """Say from the main thread what the user wants."""
        self.answer = answer

    def control(self) -> Control:
        """What the user wants, asked by the task; a closing window means CANCEL."""
        return Control.CANCEL if self.abort_requested else self.answer

    def tell(self, message: object) -> None:
        """Send a message from the task to the main thread."""
        self.signals.told.emit(message)


class Task:
    """A function for a worker, with a title that napari shows when a window is closed while it
    runs.
    """

    def __init__(self, title: str, run: Callable[..., Any]) -> None:
        self._title = title
        self._run = run

    def __call__(self, worker: JobWorker, *args: Any) -> Any:
        """Run in the worker's thread."""
        return self._run(worker, *args)

    def __repr__(self) -> str:
        return self._title


class Job(QObject):
    """One long job: waits until its device is free, runs in a thread, and tells the main thread
    about it.
    """

    waiting = Signal(str)
    started = Signal()
    told = Signal(object)
    ended = Signal(object)

    _running: ClassVar[list["Job"]] = []
    _queue: ClassVar[list["Job"]] = []

    def __init__(
        self,
        task: Task,
        args: tuple[Any, ...],
        device: str = AUTO,
        prepare: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`prepare` is done on the main thread before the task, one step each turn of the event
        loop.

        Work of the window is several times slower while a task computes: they share Python's lock.
        """
        super().__init__()
        self._task = task
        self._steps = list(prepare)
        self._given_up = False
        self._first_answer = Control.CONTINUE
        self._args = args
        self._device = device
        self._worker: JobWorker | None = None
        self._end: JobEnd | None = None

    def start(self) -> None:
        """Run now, or as soon as the jobs before it have left the device."""
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
        """Ask for a rest; a job that has not begun rests when it does."""
        self._pause_or_continue(Control.PAUSE)

    def resume(self) -> None:
        """Ask for the end of a rest."""
        self._pause_or_continue(Control.CONTINUE)

    def _pause_or_continue(self, answer: Control) -> None:
        if self._worker is None:
            self._first_answer = answer
        else:
            self._worker.ask_for(answer)

    def _end_with(self, answer: Control) -> None:
        if self in self._queue:
            self._queue.remove(self)
            self._args = ()
            self._steps = []
            self.ended.emit(JobEnd("cancelled"))
        elif self._worker is not None:
            self._worker.ask_for(answer)
        else:
            self._given_up = True

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
            if self._steps and not self._given_up:
                self._steps.pop(0)()
                QTimer.singleShot(0, self._prepare)
                return
        except Exception as error:
            self._on_worker_failed(error)
            self._given_up = True
        if self._given_up:
            self._args = ()
            self._steps = []
            self._on_worker_finished()
        else:
            self._start_worker()

    def _start_worker(self) -> None:
        slots = {
            "failed": self._on_worker_failed,
            "returned": self._on_worker_returned,
            "finished": self._on_worker_finished,
        }
        self._worker = create_worker(
            self._task,
            *self._args,
            _worker_class=JobWorker,
            _start_thread=False,
            _connect={**slots, "told": self._on_worker_told},
        )
        self._args = ()
        self._worker.ask_for(self._first_answer)
        self._worker.start()

    def _on_worker_told(self, message: object) -> None:
        self.told.emit(message)

    def _on_worker_returned(self, result: object) -> None:
        cancelled = self._worker is None or self._worker.was_cancelled
        self._end = JobEnd("cancelled") if cancelled else JobEnd("done", result)

    def _on_worker_failed(self, error: Exception) -> None:
        self._end = JobEnd(
            "failed", None, explain(error), "".join(traceback.format_exception(error))
        )

    def _on_worker_finished(self) -> None:
        self._worker = None
        self._running.remove(self)
        self.ended.emit(self._end or JobEnd("cancelled"))
        self._end = None
        _start_waiting()


def busy() -> bool:
    """Whether a job runs."""
    return bool(Job._running)


def _start_waiting() -> None:
    for job in list(Job._queue):
        if not any(job._shares_device(other) for other in Job._running):
            Job._queue.remove(job)
            job._begin()


@atexit.register
def _end_all() -> None:
    """Let no thread outlive the program: jobs that were not asked to end are cancelled."""
    for job in Job._running:
        if job._worker is not None and job._worker.control() in (Control.CONTINUE, Control.PAUSE):
            job._worker.quit()
    if Job._running:
        job_threads().waitForDone()


def in_background(run: Callable[[], None]) -> None:
    """Run something short of which nobody waits for the end."""
    threading.Thread(target=run, daemon=True).start()


def explain(error: Exception) -> str:
    """One sentence for an error of a job."""
    if isinstance(error, NapariUNetError):
        return " ".join([str(error), *getattr(error, "__notes__", ())])
    if is_out_of_memory(error):
        return str(not_enough_memory(error))
    first = str(error).strip().partition("\n")[0][:200] or type(error).__name__
    return f"The run failed: {first}."
