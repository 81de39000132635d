"""Locks of the operating system on hidden files beside what they are about.

The system releases a lock however its holder ends (an error, kill -9, a closed terminal), so a
crash never blocks a later run, and what a crash has left is known by its lock, which nobody holds.
What is locked, by system:

- Linux and macOS: the whole file, by `flock`. It is advisory: it only keeps out those who ask for
  it, as all our runs do. On NFS, Linux asks the server, so it holds between machines too.
- Windows: the first byte of the file, by `msvcrt.locking`. No other process can lock that byte.
- File systems without locks (some network and cloud drives): nothing. Nobody is refused there, it
  is left to the user not to start two runs at once, and temporary files are removed when they are
  older than a day.

The lock file is removed at the end. Linux and macOS remove it while it is still locked: a process
that has opened it meanwhile finds that its file is gone, and makes a new one. Windows can not
remove an open file, so there it is closed first; who opens it in between keeps it, and removes it
later.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from napari_unet.files.names import persistently

SUFFIX = ".lock"
# what the systems answer where another process holds the lock (Windows: EACCES, EDEADLK); any other
# error means that this file system has no locks
HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
WAITS_S = (0.01, 0.02, 0.04, 0.08, 0.16)  # another run may hold a lock only to see whose it is


class Lock(NamedTuple):
    """An open lock file; not `certain` where the file system has no locks."""

    path: Path
    handle: int
    certain: bool


def waited_for(path: Path) -> Lock | None:
    """The lock, which another run may hold for a moment; None where one holds it longer."""
    for wait_s in WAITS_S:
        if (lock := acquired(path)) is not None:
            return lock
        time.sleep(wait_s)
    return acquired(path)


def acquired(path: Path, create: bool = True) -> Lock | None:
    """The open file, now locked by this process; None where another process has the lock, or there
    is no file and none is to be made.
    """
    while True:
        try:
            handle = _opened(path, create)
        except OSError:
            if create:
                raise
            return None  # it is gone, or of another user
        certain = True
        try:
            _lock(handle)
        except OSError as error:
            if error.errno in HELD:
                os.close(handle)
                return None
            certain = False
        if _is_there(path, handle):
            return Lock(path, handle, certain)
        os.close(handle)  # it was removed between opening and locking: lock a new one


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Show others that a temporary file or folder, which is to be made at `path`, is in use; raises
    `OSError` where no lock file can be made.
    """
    lock = None
    while lock is None:  # the name is fresh: another holds it only to see whose it is
        lock = acquired(path.with_name(path.name + SUFFIX))
    try:
        yield
    finally:
        release(lock)


def _opened(path: Path, create: bool) -> int:
    flags = os.O_RDWR | (os.O_CREAT if create else 0)
    try:
        return persistently(lambda: os.open(path, flags, 0o666))
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)  # another user's file: it can be locked all the same


def _is_there(path: Path, handle: int) -> bool:
    """Whether the name still belongs to the file that was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def release(lock: Lock) -> None:
    """Let go of a lock, and remove its file."""
    _release(lock.path, lock.handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _release(path: Path, handle: int) -> None:
        os.close(handle)
        with suppress(OSError):  # another process has it open, and will remove it
            path.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(path: Path, handle: int) -> None:
        with suppress(OSError):  # the folder can not be written any more: it is swept later
            path.unlink(missing_ok=True)  # before the lock ends: others must find it gone
        os.close(handle)
