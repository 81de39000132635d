"""What every run of a dock is: a job in a thread, and signals on the main thread until it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from qtpy.QtCore import QObject, Signal

from napari_unet.progress import Progress
from napari_unet.widgets.jobs.job import Job, JobEnd
from napari_unet.widgets.jobs.worker import JobFunction
from napari_unet.widgets.viewer.activity import Activity


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, in one sentence for the user, with details of a failure."""

    kind: Literal["done", "stopped", "cancelled", "failed"]
    sentence: str = ""
    details: str = ""


@dataclass(frozen=True)
class Work:
    """What a run does: `function(worker, *args)`, in a thread, when its device is free."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    device: str


class Run(QObject):
    """One run; lives until it has ended, whatever becomes of the window.

    A kind of run does `first_steps`, takes its worker's own messages in `take_message`, and says in
    `close` how it ended.
    """

    waiting = Signal(str)
    progressed = Signal(object)
    ended = Signal(object)

    _alive: ClassVar[set["Run"]] = set()

    def __init__(self, title: str, work: Work) -> None:
        super().__init__()
        self._activity: Activity | None = None
        self._title = title
        steps = (*self.first_steps(), self._show_activity)
        self._job = Job(JobFunction(title, work.function), work.args, work.device, steps)
        self._job.waiting.connect(self.waiting)
        self._job.reported.connect(self._on_job_reported)
        self._job.ended.connect(self._on_job_ended)

    def first_steps(self) -> Sequence[Callable[[], None]]:
        """What is done on the main thread before the work, one step each turn of the event loop."""
        return ()

    def start(self) -> None:
        """Begin, or wait for the device."""
        self._alive.add(self)  # nobody else may hold it when the window is closed
        self._job.start()

    def stop(self) -> None:
        """End the run and keep what is done."""
        self._job.stop()

    def cancel(self) -> None:
        """End the run as if it had never begun."""
        self._job.cancel()

    def take_message(self, message: object) -> None:
        """Take what the worker says besides its progress and what it waits for."""

    def close(self, end: JobEnd) -> RunEnd:
        """Put away what the run used, and say how it ended."""
        raise NotImplementedError

    def _show_activity(self) -> None:
        self._activity = Activity(self._title)

    def _on_job_reported(self, message: object) -> None:
        if isinstance(message, Progress):
            if self._activity is not None:
                self._activity.show(message)
            self.progressed.emit(message)
        elif isinstance(message, str):
            self.waiting.emit(message)
        else:
            self.take_message(message)

    def _on_job_ended(self, end: JobEnd) -> None:
        self._alive.discard(self)
        if self._activity is not None:
            self._activity.close()
        self.ended.emit(self.close(end))
