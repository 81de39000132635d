"""The thread of one job: it runs a task, reports to the main thread, and hands over its end."""

from collections.abc import Callable
from typing import Any

from napari.qt.threading import FunctionWorker
from qtpy.QtCore import Signal
from superqt.utils._qthreading import WorkerBaseSignals

from napari_unet.errors import Cancelled
from napari_unet.progress import Control
from napari_unet.widgets.jobs.threads import job_threads, lower_priority


class JobSignals(WorkerBaseSignals):
    """A worker's signals: superqt's own, one for what the task reports, and one for its error.

    `errored` of superqt stays silent: napari connects a function to it that fails with PySide6.
    """

    reported = Signal(object)
    failed = Signal(object)


class JobWorker(FunctionWorker):  # type: ignore[misc]
    """Runs `func(worker, *args)` in a thread; forgets its arguments at the end, however it ends."""

    def __init__(self, func: Callable[..., Any], *args: Any) -> None:
        super().__init__(func, *args)
        self._func: Any
        self._args: tuple[Any, ...]
        self._kwargs: dict[str, Any]
        self.signals = JobSignals()
        self.requested = Control.CONTINUE
        self.was_cancelled = False

    def start(self) -> None:
        """Begin in a thread of our own pool, listed among napari's workers so that its closing
        window finds it.
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
        lower_priority()
        try:
            return self._func(self, *self._args)
        except Cancelled:
            self.was_cancelled = True
            return None
        finally:  # superqt holds workers for longer than their arrays may stay in memory
            self._func = None
            self._args = ()
            self._kwargs = {}

    def request(self, control: Control) -> None:
        """Say from the main thread what the user wants."""
        self.requested = control

    def control(self) -> Control:
        """What the user wants, read by the task; a closing window means CANCEL."""
        return Control.CANCEL if self.abort_requested else self.requested

    def report(self, message: object) -> None:
        """Send a message from the task to the main thread."""
        self.signals.reported.emit(message)


class JobFunction:
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
