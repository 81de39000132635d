"""One writer of a result at a time, from the beginning of its run until the result is in place."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_unet.errors import BusyError, OutputError
from napari_unet.files.full_disk import not_made
from napari_unet.files.leftovers import sweep
from napari_unet.files.lock import SUFFIX, release, waited_for
from napari_unet.files.names import name_beside

WHOLE = "whole"


@contextmanager
def only_writer(path: Path, name: str = WHOLE, refusal: str = "") -> Iterator[None]:
    """Be the only writer of this name at a result, such as the one of a part, and remove what
    killed runs have left beside it.

    Raises `BusyError`, with the refusal, where there is another, and `OutputError` where no file
    can be made there.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = waited_for(target.with_name(name_beside(f".{target.name}", f".{name}{SUFFIX}")))
    except OSError as error:
        raise not_made(target, error) from error
    if lock is None:
        raise BusyError(
            refusal
            or f"{path} is being written by another run at this moment. Wait until that has ended, "
            "or choose another name."
        )
    try:
        sweep(target, lock.path)
        yield
    finally:
        release(lock)


@contextmanager
def only_writer_where_possible(path: Path | None) -> Iterator[None]:
    """The same for a file that a run can do without: where none can be made, nothing is locked."""
    with ExitStack() as stack:
        if path is not None:
            try:
                stack.enter_context(only_writer(path))
            except BusyError:
                raise
            except OutputError:
                pass  # whoever writes the file will say so
        yield
