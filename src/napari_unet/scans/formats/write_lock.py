"""One writer at a time, by a lock of the operating system, which lets go of it however its holder
ends.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.errors import OutputError
from napari_unet.scans.formats.zarr_write import writing

SUFFIX = ".lock"
HELD = {
    errno.EACCES,
    errno.EAGAIN,
    errno.EDEADLK,
}  # what systems answer where another holds a lock; the rest: there are none here


@contextmanager
def only_writer(path: Path, name: str, refusal: str) -> Iterator[None]:
    """Be the only one of this name who writes a result; raises `OutputError` with the refusal where
    another is.

    The lock is a hidden file beside the result. Where the file system knows no locks, nobody is
    refused.
    """
    lock = _lock_file(path, name)
    with writing(path.resolve()):
        handle = _held(lock)
    if handle is None:
        raise OutputError(refusal)
    try:
        yield
    finally:
        _let_go(lock, handle)


def forget_locks(path: Path) -> None:
    """Remove the lock files of writers that were killed, where nobody can be writing a result any
    more.
    """
    target = path.resolve()
    for left in target.parent.iterdir():
        if left.name.startswith(f".{target.name}.part-") and left.suffix == SUFFIX:
            with suppress(PermissionError):  # Windows removes no file that is open
                left.unlink(missing_ok=True)


def _lock_file(path: Path, name: str) -> Path:
    target = path.resolve()
    return target.with_name(f".{target.name}.{name}{SUFFIX}")


def _held(lock: Path) -> int | None:
    """The open file whose lock is held; None where another holds it."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
        except OSError as error:
            if error.errno in HELD:
                os.close(handle)
                return None
        if _is_there(lock, handle):
            return handle
        os.close(handle)  # its holder has removed it meanwhile


def _is_there(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _let_go(lock: Path, handle: int) -> None:
        os.close(handle)
        with suppress(PermissionError):  # another has opened it, and removes it
            lock.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(lock: Path, handle: int) -> None:
        lock.unlink(missing_ok=True)  # while it is held: whoever has opened it finds it gone
        os.close(handle)
