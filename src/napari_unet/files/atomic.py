"""Files that are written whole or not at all, and renamed and removed on every system.

Windows neither renames nor removes a file that is open, be it in another program or, for a moment,
in a virus scanner, which reads each new one. So all that renames or removes goes through here.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from napari_unet.errors import NapariUNetError, OutputError
from napari_unet.files import names
from napari_unet.files.full_disk import is_no_space, no_space, not_made
from napari_unet.files.names import check_name, check_path, name_beside

DELETION_WAIT_S = 0.5  # how long to wait for a folder to be deleted; a small one is gone by then
WAITS_S = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)  # between tries where Windows refuses
TEMPORARY = ".part"
BESIDE = len(".") + len(".12345678") + len(TEMPORARY)  # by which a temporary file's name is longer

Result = TypeVar("Result")


def write_atomically(
    path: Path,
    write: Callable[[Path], None],
    verify: Callable[[Path], object] | None = None,
    private: bool = False,
    needed: int | None = None,
) -> None:
    """Let `write` fill a sibling temporary file, flush and verify it, then rename it over `path`.

    The old file survives any failure; the new one gets the permissions of the old one, or those the
    umask gives; a `private` one is its owner's alone. Raises `OutputError` where the folder can not
    be written, or `NoSpaceError` where the disk is full; about so many bytes are `needed`.
    """
    target = Path(os.path.realpath(path))  # a link stays one: its target is replaced
    temporary = _sibling(target)
    try:
        write(temporary)
        flush(temporary)
        if verify is not None:
            verify(temporary)
        temporary.chmod(0o600 if private else _mode_for(target))
        move(temporary, target)
        _flush_folder(target.parent)
    except NapariUNetError:
        raise
    except Exception as error:
        # some libraries have errors of their own for a full disk
        if not (isinstance(error, OSError) or is_no_space(error)):
            raise
        discard(temporary)  # what it has taken is free again
        raise not_written(target, error, needed) from error
    finally:
        discard(temporary)


def check_writable(path: Path) -> None:
    """Raise `OutputError` where no file can be made at `path`, before long work whose result is to
    go there.
    """
    check_name(path)
    discard(_sibling(Path(os.path.realpath(path))))


def not_written(target: Path, error: Exception, needed: int | None = None) -> OutputError:
    """The error for a file or folder that the system refuses to write."""
    if is_no_space(error):
        return no_space(target, error, needed, "What was there is untouched.")
    if names.WINDOWS and isinstance(error, PermissionError) and target.exists():
        reason = "another program has it open, or it is protected. Close it there, and try again"
    else:
        reason = str(getattr(error, "strerror", None) or error)
    return OutputError(f"Can not write {target}: {reason}. What was there is untouched.")


def persistently(action: Callable[[], Result]) -> Result:
    """Do what Windows refuses while a file is open: again and again, for two and a half seconds."""
    for wait in WAITS_S if names.WINDOWS else ():
        try:
            return action()
        except PermissionError:
            time.sleep(wait)
    return action()


def move(source: Path, target: Path) -> None:
    """Rename a file over `target`, or a folder, where there must be none."""
    persistently(lambda: source.replace(target))


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    persistently(lambda: path.unlink(missing_ok=True))


def discard(path: Path) -> None:
    """Remove a file that is of no use any more; one that another program has open, or that lies
    where nothing can be written, stays.
    """
    with suppress(OSError):  # what is finished must not fail for what is left of it
        remove(path)


def remove_folder(folder: Path) -> None:
    """Remove a folder at once: it is hidden beside its place, and deleted in the background."""
    hidden = folder.with_name(name_beside(f".{folder.name.lstrip('.')}", f".{uuid4().hex[:8]}.old"))
    try:
        move(folder, hidden)
    except OSError:
        hidden = folder  # a file in it is open
    deletion = threading.Thread(target=_delete, args=(hidden,), name="deletes a folder")
    deletion.start()
    deletion.join(DELETION_WAIT_S)


def _delete(folder: Path) -> None:
    try:
        persistently(lambda: shutil.rmtree(folder))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # all that can be


def _sibling(target: Path) -> Path:
    """A new, empty file beside the target, whose folder is made where there is none."""
    check_path(target, BESIDE)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path = target.with_name(name_beside(f".{target.name}", f".{uuid4().hex[:8]}{TEMPORARY}"))
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise not_made(target, error) from error
    return path


def flush(path: Path) -> None:
    """Force a file onto the disk as it is."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _mode_for(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
