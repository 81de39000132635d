"""What the libraries that read files warn of, collected for whoever reads, so that it reaches the
user as notes and nothing of it is printed.

tifffile writes to a logger, zarr calls `warnings.warn`; both are one for the whole process, while
several threads read. So who listens is known by a context variable, which follows a read into the
threads that asyncio gives it to.
"""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LOGGERS = ("tifffile", "imagecodecs", "numcodecs", "zarr")
COLLECTS = "napari_unet_collects"  # marks our function in place of `warnings.showwarning`
KNOWN = ("ParseError", "OME series failed to read")  # for these there are sentences of our own
MOST_NOTES = 3
MOST_CHARACTERS = 150


class ReadWarnings:
    """What was warned of in the reads of one image, each once."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}  # a dict keeps the order, and is safe among threads

    def add(self, text: str) -> None:
        """Take a warning."""
        self._texts.setdefault(text)

    @property
    def texts(self) -> list[str]:
        """The warnings so far, as the libraries say them."""
        return list(self._texts)

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings so far as notes: the first few, each once."""
        texts = (re.sub(r"<tifffile\.[^>]*> ?", "", text) for text in self.texts)
        lines = dict.fromkeys(" ".join(text.split()) for text in texts)
        shown = [line for line in lines if not any(part in line for part in KNOWN)]
        return tuple(
            f"The file is read, but: {line[:MOST_CHARACTERS]}" for line in shown[:MOST_NOTES]
        )


_listener: ContextVar[ReadWarnings | None] = ContextVar("listener", default=None)


def listener() -> ReadWarnings:
    """Who listens to warnings now; somebody new if nobody does."""
    return _listener.get() or ReadWarnings()


@contextmanager
def heard_by(found: ReadWarnings) -> Iterator[None]:
    """What is warned of inside, in this context alone, goes to `found` and nowhere else."""
    _listen()
    token = _listener.set(found)
    try:
        yield
    finally:
        _listener.reset(token)


class _Collecting(logging.Filter):
    """Takes a logger's warnings for whoever listens; passes them on where nobody does."""

    def filter(self, record: logging.LogRecord) -> bool:
        found = _listener.get()
        if found is None or record.levelno < logging.WARNING:
            return True
        found.add(record.getMessage())
        return False


_collecting = _Collecting()


def _listen() -> None:
    """Be there for loggers and warnings, before what others have put in place meanwhile."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_collecting)  # once, however often it is called
    if not getattr(warnings.showwarning, COLLECTS, False):
        warnings.showwarning = _in_place_of(warnings.showwarning)


def _in_place_of(before: Any) -> Any:
    """A function for `warnings.showwarning` that shows what nobody listens to as before."""

    def show(message: Any, category: type[Warning], *where: Any, **options: Any) -> None:
        found = _listener.get()
        if found is None or not issubclass(category, UserWarning):
            before(message, category, *where, **options)
        else:
            found.add(str(message))

    setattr(show, COLLECTS, True)
    return show
