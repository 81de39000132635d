"""Standard output and standard error, which may be closed, full, or a pipe that nobody reads.

Results go to standard output: where they can not be written, the command has failed. What is said
beside them goes to standard error: where nobody can read it, the work goes on.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from napari_unet.errors import OutputError

STANDARD = (0, 1, 2)


class ReaderGone(Exception):  # noqa: N818 it is no mistake of anybody's
    """Nobody reads standard output any more, as after `| head`."""


def prepare_streams() -> None:
    """Give every standard stream that the shell has closed to the null device, so that no file that
    is opened later takes its number; letters that a console lacks are replaced.
    """
    for number in STANDARD:
        _fill(number)
    sys.stdout = sys.stdout or _to_nothing()
    sys.stderr = sys.stderr or _to_nothing()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def write_result(text: str) -> None:
    """Print a result; raises `OutputError` where standard output takes no more, and `ReaderGone`
    where it is a pipe that was closed.
    """
    try:
        print(text, flush=True)  # noqa: T201 the one place that writes to standard output
    except BrokenPipeError as error:
        _silence(sys.stdout)
        raise ReaderGone from error
    except OSError as error:
        _silence(sys.stdout)
        raise OutputError(
            f"Standard output can not be written: {error.strerror}. Send it somewhere else."
        ) from error


def write_aside(text: str) -> None:
    """Write to standard error, if anybody can read it there."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)  # the one place that writes to standard error
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written there at once."""
    return stream is not None and not stream.closed and stream.isatty()


def flush_all() -> None:
    """Write what the streams still hold, so that nothing can fail while the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _silence(stream)


def _fill(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def _to_nothing() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _silence(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, to the null device."""
    with suppress(OSError, ValueError):  # streams of tests have no number
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
