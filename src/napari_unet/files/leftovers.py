"""What killed runs leave: temporary files and folders, known by locks that nobody holds any more.

Whatever is temporary has a lock beside it, made before it and removed after it. A process that is
killed leaves both, and the next run in that folder finds that the lock is free.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

from napari_unet.files.lock import SUFFIX, acquired, owned, release
from napari_unet.files.moves import move, remove
from napari_unet.files.names import name_beside, persistently

DAY_S = 86_400.0
DELETION_WAIT_S = 0.5  # how long to wait for a folder to be deleted; a small one is gone by then
SWEEP_SHARE = 0.01  # of the time, at most, for looking through a folder
TEMPORARY = re.compile(r"\..+\.[0-9a-z_]{8}\.part")
LOCK = re.compile(r"\..+\.(?:[0-9a-f]{8}\.(?:part|old)|whole|part-\d+-of-\d+)\.lock")

_next_sweep: dict[Path, float] = {}


def temporary_path(target: Path, suffix: str) -> Path:
    """A fresh hidden name beside the target, which leaves room for the name of its lock."""
    name = name_beside(f".{target.name.lstrip('.')}", f".{uuid4().hex[:8]}{suffix}{SUFFIX}")
    return target.with_name(name.removesuffix(SUFFIX))


def remove_folder(folder: Path, wait_s: float | None = DELETION_WAIT_S) -> None:
    """Remove a folder at once: it is hidden beside its place, and deleted in the background. For so
    long that is waited for, to the end if that is None.
    """
    hidden = temporary_path(folder, ".old")
    held = ExitStack()
    with suppress(OSError):  # a full disk has no room for a lock, but a folder has to go from it
        held.enter_context(owned(hidden))
    try:
        move(folder, hidden)
    except OSError:
        hidden = folder  # a file in it is open
    _delete(hidden, held.close, wait_s)


def sweep(target: Path, own: Path | None = None) -> None:
    """Remove what killed runs have left in the folder of `target`: temporary files and folders
    whose locks nobody holds, and these locks, but for this run's `own`.
    """
    folder = target.parent
    since = time.monotonic()
    if since < _next_sweep.get(folder, 0.0):
        return
    with suppress(OSError):  # a folder that can be written to, but not be read
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".")]
        for name in names:
            if LOCK.fullmatch(name) and folder / name != own:
                _sweep_locked(folder / name)
            elif TEMPORARY.fullmatch(name) and name.startswith(f".{target.name}."):
                _sweep_without_lock(folder / name)
    now = time.monotonic()
    _next_sweep[folder] = now + (now - since) / SWEEP_SHARE


def _sweep_locked(lock_path: Path) -> None:
    """Remove what a lock belongs to, and the lock, unless another process holds it."""
    lock = acquired(lock_path, create=False)
    if lock is None:
        return
    left = lock_path.with_name(lock_path.name.removesuffix(SUFFIX))
    if not lock.certain and time.time() - _last_change(left, lock_path) < DAY_S:
        os.close(lock.handle)
    elif left.is_dir():
        _delete(left, lambda: release(lock))
    else:
        with suppress(OSError):  # of another user: it stays
            remove(left)
        release(lock)


def _sweep_without_lock(left: Path) -> None:
    """Remove a temporary file that has no lock, when it is old."""
    lock_path = left.with_name(left.name + SUFFIX)
    with suppress(OSError):
        if not lock_path.exists() and time.time() - _last_change(left) > DAY_S:
            _delete(left, lambda: None) if left.is_dir() else left.unlink(missing_ok=True)


def _last_change(*paths: Path) -> float:
    """When any of these files, or anything in these folders, was last written; 0 for nothing."""
    latest = 0.0
    for path in paths:
        for each in (path, *path.rglob("*")):
            with suppress(OSError):
                latest = max(latest, each.lstat().st_mtime)
    return latest


def _delete(
    folder: Path, finish: Callable[[], object], wait_s: float | None = DELETION_WAIT_S
) -> None:
    """Delete a folder in the background, and call `finish`; waits a moment for it."""

    def work() -> None:
        try:
            persistently(lambda: shutil.rmtree(folder))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # all that can be
        finish()

    deletion = threading.Thread(target=work, name="deletes a folder")
    deletion.start()
    deletion.join(wait_s)
