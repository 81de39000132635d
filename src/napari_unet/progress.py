"""How long jobs tell how far they are, and how they are told what the user wants."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from napari_unet.errors import Cancelled

PAUSE_POLL_S = 0.05


class Control(Enum):
    """What the user wants of a running job."""

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
    """Answer that the job should go on: the default wish."""
    return Control.CONTINUE


def should_stop(control: GetControl) -> bool:
    """Heed the wish: True on STOP, `Cancelled` raised on CANCEL, and PAUSE waited out."""
    while (answer := control()) is Control.PAUSE:
        time.sleep(PAUSE_POLL_S)
    if answer is Control.CANCEL:
        raise Cancelled("Cancelled; nothing was kept.")
    return answer is Control.STOP


class Stopped(Exception):  # noqa: N818 the user's decision, not an error
    """STOP was asked for in the middle of something that can not be kept by half; what was done
    before stays.
    """


def heed(control: GetControl) -> None:
    """Heed the wish in the middle of something: raise `Stopped` on STOP and `Cancelled` on CANCEL."""
    if should_stop(control):
        raise Stopped


class Clock:
    """Guesses the seconds left from the work done since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds_left(self, done: float, total: float) -> float | None:
        """Seconds until `total`, at the mean speed so far; None before anything is done."""
        if done <= 0:
            return None
        return (time.monotonic() - self._start) * (total - done) / done
