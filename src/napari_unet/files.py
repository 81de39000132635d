"""Atomic writes and journals: a file is either the old one or the whole new one, a journal
loses at most its torn end.
"""

import hashlib
import os
import shutil
import stat
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from napari_unet.errors import OutputError
from napari_unet.words import data_size, shortened

RECORD = struct.Struct("<II")  # length and CRC-32 of what follows
MOST_RECORD_BYTES = 2**30
SHOWN_NAME = 80  # characters of a long name that are shown
MOST_NAME_BYTES = 255  # of one name, on nearly every file system
HASH_DIGITS = 12
SPARE_BYTES = 2**30  # what is left free on a disk
DELETION_WAIT_S = 0.5  # how long to wait for a folder to be deleted; a small one is gone by then


def write_atomically(
    path: Path,
    write: Callable[[Path], None],
    verify: Callable[[Path], object] | None = None,
    private: bool = False,
) -> None:
    """Let `write` fill a sibling temporary file, flush and verify it, then rename it over `path`.

    The old file survives any failure; the new one gets the permissions of the old one, or those the
    umask gives; a `private` one is its owner's alone. Raises `OutputError` where the folder can not
    be written or the disk is full.
    """
    target = Path(os.path.realpath(path))  # a link stays one: its target is replaced
    temporary = _sibling(target)
    try:
        write(temporary)
        flush(temporary)
        if verify is not None:
            verify(temporary)
        temporary.chmod(0o600 if private else _mode_for(target))
        temporary.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise OutputError(
            f"Can not write {target}: {error.strerror or error}. The old "
            "file, if any, is untouched."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise `OutputError` where no file can be made at `path`, before long work whose result is to
    go there.
    """
    check_name(path)
    _sibling(Path(os.path.realpath(path))).unlink()


def check_name(path: Path) -> None:
    """Raise `OutputError` where the name of a file to be written is longer than names can be."""
    if (size := len(os.fsencode(path.name))) > MOST_NAME_BYTES:
        raise OutputError(
            f"The name {shortened(path.name, SHOWN_NAME)} is too long: {size} bytes, and "
            f"{MOST_NAME_BYTES} are possible. Choose a shorter one."
        )


def name_beside(name: str, ending: str) -> str:
    """The name with an ending, for a file that stands beside it. Where that would be too long, a
    part of the name and a hash of it, so that there is room wherever there is room for the name.
    """
    longest = MOST_NAME_BYTES - len(os.fsencode(ending))
    whole = os.fsencode(name)
    if len(whole) <= longest:
        return name + ending
    digest = "~" + hashlib.sha256(whole).hexdigest()[:HASH_DIGITS]
    return whole[: longest - len(digest)].decode(errors="ignore") + digest + ending


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one existing file or folder, through whatever links or spellings."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def unusual_kind(path: Path) -> str:
    """What there is at a path that is neither a file nor a folder, such as "a named pipe": to read
    it may never end. Empty for files, for folders, and where there is nothing.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return ""
    return "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"


_promises: list[Callable[[int], int]] = []


def promise_room(promised: Callable[[int], int]) -> None:
    """Let `free_room` subtract what `promised` returns: the bytes of a disk, by its number, that
    existing sparse files will still take.
    """
    _promises.append(promised)


def free_room(folder: Path) -> int:
    """Bytes that a folder's disk has free, and that are not promised to others."""
    disk = folder.stat().st_dev
    return shutil.disk_usage(folder).free - sum(promised(disk) for promised in _promises)


def check_room(folder: Path, size: int) -> None:
    """Raise `OutputError` where a disk could not take a file of `size` bytes, and some to spare,
    before it is begun.
    """
    free = free_room(folder)
    if free < size + SPARE_BYTES:
        raise OutputError(
            f"The result needs {data_size(size)} in {folder}, which has "
            f"{data_size(max(0, free))} free, and 1 GB is to be left. "
            "Free some space, or choose another folder."
        )


def forget_folder(folder: Path) -> None:
    """Remove a folder at once: it is hidden beside its place, and deleted in the background."""
    hidden = folder.with_name(name_beside(f".{folder.name.lstrip('.')}", f".{uuid4().hex[:8]}.old"))
    try:
        folder.replace(hidden)
    except OSError:
        hidden = folder  # Windows does not rename a folder in which a file is open
    deletion = threading.Thread(
        target=shutil.rmtree,
        args=(hidden,),
        kwargs={"ignore_errors": True},
        name="deletes a folder",
    )
    deletion.start()
    deletion.join(DELETION_WAIT_S)


class AppendOnly:
    """A new file to which whole records are appended, readable by its owner alone if `private`;
    raises `OutputError` where it can not be written.
    """

    def __init__(self, path: Path, private: bool = True) -> None:
        self.path = path
        self._size = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._handle = os.open(path, flags, 0o600 if private else 0o666)
        except OSError as error:
            raise OutputError(
                f"Can not write into {path.parent}: {error.strerror}. Free some space, "
                "or choose another folder."
            ) from error
        self._close = weakref.finalize(self, os.close, self._handle)

    def append(self, record: bytes) -> None:
        """Add one record; where the disk is full, the part that was written is cut off again."""
        data = memoryview(RECORD.pack(len(record), zlib.crc32(record)) + record)
        try:
            while data:  # a write may take a part alone
                data = data[os.write(self._handle, data) :]
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise OutputError(
                f"Can not write {self.path}: {error.strerror}. Free some space."
            ) from error
        self._size += RECORD.size + len(record)

    def flush(self) -> None:
        """Force what was appended onto the disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file."""
        self._close()


def read_records(path: Path) -> Iterator[bytes]:
    """The records of an `AppendOnly` file, up to a torn or damaged one."""
    with path.open("rb") as file:
        while len(head := file.read(RECORD.size)) == RECORD.size:
            length, crc = RECORD.unpack(head)
            if length > MOST_RECORD_BYTES:
                return
            record = file.read(length)
            if len(record) < length or zlib.crc32(record) != crc:
                return
            yield record


def _sibling(target: Path) -> Path:
    """A new, empty file beside the target, whose folder is made where there is none."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        name = name_beside(f".{target.name}", f".{uuid4().hex[:8]}.part")
        path = target.with_name(name)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise OutputError(
            f"Can not write into {target.parent}: {error.strerror}. Choose another folder."
        ) from error
    return path


def flush(path: Path) -> None:
    """Force a file as it is onto the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _mode_for(target: Path) -> int:
    """The permissions of the old file, or those that a new one gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    umask = os.umask(0)  # which can be read only by setting it
    os.umask(umask)
    return 0o666 & ~umask


def _flush_folder(folder: Path) -> None:
    """Force a renaming onto the disk; only POSIX systems let a folder be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
