"""Progress and control of jobs that take time: `on_progress` reports how far a job is, `control`
answers what the user wants of it. docs/python.md says what each answer does.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from napari_unet.errors import Cancelled

PAUSE_POLL_S = 0.05


class Control(Enum):
    """What the user wants of a running job: STOP keeps what is finished, CANCEL nothing."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Progress:
    """How far a job is: `done` of `total` units, and a guess of the seconds left."""

    done: int
    total: int
    unit: str = "tiles"
    seconds_left: float | None = None
    note: str = ""

    @property
    def share(self) -> float:
        """The finished part, from 0 to 1."""
        return self.done / self.total if self.total else 1.0


OnProgress = Callable[[Progress], None]
GetControl = Callable[[], Control]


def ignore(progress: Progress) -> None:
    """Take a `Progress` and do nothing: the default listener."""


def always_continue() -> Control:
    """Answer CONTINUE: the default control."""
    return Control.CONTINUE


def should_stop(control: GetControl) -> bool:
    """Ask the control: wait while it says PAUSE, raise `Cancelled` on CANCEL; True on STOP."""
    while (answer := control()) is Control.PAUSE:
        time.sleep(PAUSE_POLL_S)
    if answer is Control.CANCEL:
        raise Cancelled("Cancelled; nothing was kept.")
    return answer is Control.STOP


class Stopped(Exception):  # noqa: N818 the user's decision, not an error
    """STOP came in the middle of something that can not be kept by half; what was finished before
    stays.
    """


def heed(control: GetControl) -> None:
    """Ask the control in the middle of something; raises `Stopped` or `Cancelled`."""
    if should_stop(control):
        raise Stopped


def without_stop(control: GetControl) -> GetControl:
    """The same answers, with STOP taken as CONTINUE: for what is short, and needed to keep what was
    done so far.
    """

    def ask() -> Control:
        answer = control()
        return Control.CONTINUE if answer is Control.STOP else answer

    return ask


class Clock:
    """Guesses the seconds left from the work done since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds_left(self, done: float, total: float) -> float | None:
        """Seconds until `total`, at the mean speed so far; None before anything is done."""
        if done <= 0:
            return None
        return (time.monotonic() - self._start) * (total - done) / done
