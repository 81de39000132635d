"""One writer of a result at a time, by a lock of the operating system on a hidden file beside it.

The system releases the lock however its holder ends (an error, kill -9, a closed terminal), so a
crash never blocks a later run. What is locked, by system:

- Linux and macOS: the whole file, by `flock`. It is advisory: it only keeps out those who ask for
  it, as all our runs do. On NFS, Linux asks the server, so it holds between machines too.
- Windows: the first byte of the file, by `msvcrt.locking`. No other process can lock that byte.
- File systems without locks (some network and cloud drives): nothing. Nobody is refused there, and
  it is left to the user not to start two runs at once.

The lock file is removed at the end. Linux and macOS remove it while it is still locked: a process
that has opened it meanwhile finds that its file is gone, and makes a new one. Windows can not
remove an open file, so there it is closed first; who opens it in between keeps it, and removes it
later.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.errors import OutputError
from napari_unet.files.atomic import persistently
from napari_unet.files.names import name_beside
from napari_unet.scans.formats.zarr_write import writing

SUFFIX = ".lock"
PART = ".part-"  # before the number of a part
# what the systems answer where another process holds the lock (Windows: EACCES, EDEADLK); any other
# error means that this file system has no locks
HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@contextmanager
def only_writer(path: Path, name: str, refusal: str) -> Iterator[None]:
    """Be the only writer of this name at a result, such as the one of a part; raises `OutputError`
    with the refusal where there is another.
    """
    lock = _lock_file(path, name)
    with writing(path.resolve()):
        handle = _acquired(lock)
    if handle is None:
        raise OutputError(refusal)
    try:
        yield
    finally:
        _release(lock, handle)


def remove_locks(path: Path) -> None:
    """Remove the lock files that killed writers of parts have left; only where no part can still be
    written.
    """
    target = path.resolve()
    for left in target.parent.glob(f".*{PART}*{SUFFIX}"):
        if left.name == name_beside(f".{target.name}", left.name[left.name.rfind(PART) :]):
            with suppress(PermissionError):  # Windows removes no file that is open
                left.unlink(missing_ok=True)


def _lock_file(path: Path, name: str) -> Path:
    target = path.resolve()
    return target.with_name(name_beside(f".{target.name}", f".{name}{SUFFIX}"))


def _acquired(lock: Path) -> int | None:
    """The open file, now locked by this process; None where another process has the lock."""
    while True:
        handle = persistently(lambda: os.open(lock, os.O_RDWR | os.O_CREAT, 0o666))
        try:
            _lock(handle)
        except OSError as error:
            if error.errno in HELD:
                os.close(handle)
                return None
        if _is_there(lock, handle):
            return handle
        os.close(handle)  # it was removed between opening and locking: lock a new one


def _is_there(lock: Path, handle: int) -> bool:
    """Whether the name still belongs to the file that was opened."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _release(lock: Path, handle: int) -> None:
        os.close(handle)
        with suppress(PermissionError):  # another process has it open, and will remove it
            lock.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(lock: Path, handle: int) -> None:
        lock.unlink(missing_ok=True)  # before the lock ends: who has opened it must find it gone
        os.close(handle)
