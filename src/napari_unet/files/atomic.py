"""Files that are written whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_unet.errors import NapariUNetError
from napari_unet.files.full_disk import is_no_space, not_made
from napari_unet.files.leftovers import sweep, temporary_path
from napari_unet.files.lock import owned
from napari_unet.files.moves import discard, move, not_written
from napari_unet.files.names import BESIDE, PART, check_name, check_path


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
    be written, or `NoSpaceError` where the disk is full; about so many bytes are `needed`. What
    killed runs have left in the folder is removed.
    """
    target = Path(os.path.realpath(path))  # a link stays one: its target is replaced
    with _temporary_file(target) as temporary:
        sweep(target)
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


def check_writable(path: Path) -> None:
    """Raise `OutputError` where no file can be made at `path`, before long work whose result is to
    go there.
    """
    check_name(path)
    with _temporary_file(Path(os.path.realpath(path))):
        pass


@contextmanager
def _temporary_file(target: Path) -> Iterator[Path]:
    """A new, empty file beside the target, whose folder is made where there is none; it is gone at
    the end.
    """
    check_path(target, BESIDE)
    temporary = temporary_path(target, PART)
    with ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(owned(temporary))
            os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise not_made(target, error) from error
        try:
            yield temporary
        finally:
            discard(temporary)


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
