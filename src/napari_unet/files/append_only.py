"""Journals: files that are only ever appended to, and that lose at most their torn end."""

import os
import struct
import weakref
import zlib
from collections.abc import Callable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

from napari_unet.errors import OutputError
from napari_unet.files.full_disk import is_no_space, no_space, not_made

RECORD = struct.Struct("<II")  # length and CRC-32 of what follows
MOST_RECORD_BYTES = 2**30
# what a record that is whole, and yet none of ours, raises where its reader takes it apart
DAMAGED_RECORD = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)

Data = mmap | bytes


class AppendOnly:
    """A new file to which whole records are appended; raises `OutputError` where it can not be
    written.

    It is readable by its owner alone, unless it is not `private`.
    """

    def __init__(self, path: Path, private: bool = True) -> None:
        self.path = path
        self._size = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._handle = os.open(path, flags, 0o600 if private else 0o666)
        except OSError as error:
            advice = "Free some space, or choose another folder."
            raise not_made(path, error, advice) from error
        self._close = weakref.finalize(self, os.close, self._handle)

    def append(self, record: bytes) -> None:
        """Add one record; what a full disk took of it is cut off again."""
        data = memoryview(RECORD.pack(len(record), zlib.crc32(record)) + record)
        try:
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise self._refusal(error) from error
        self._size += RECORD.size + len(record)

    def flush(self) -> None:
        """Have the disk keep what was appended; raises `OutputError` where it does not: some file
        systems find only then that there is no room.
        """
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Append no more."""
        self._close()

    def _refusal(self, error: OSError) -> OutputError:
        if is_no_space(error):
            return no_space(self.path, error, hint="What it holds already is whole.")
        return OutputError(f"Can not write {self.path}: {error.strerror}. Free some space.")


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


def read_all_records(
    path: Path, candidates: Callable[[Data, int], Iterator[int]]
) -> Iterator[bytes | None]:
    """The whole records of an `AppendOnly` file, those behind damaged ones too; `None` stands for
    each record that can not be read, at least.

    Where not even the length of a record is right, `candidates` gives where one may begin, from a
    position on; what does not fit its own checksum there is none.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        at = 0
        while at < len(data):
            if (record := _whole_record(data, at)) is not None:
                yield record
                at += RECORD.size + len(record)
            else:
                at, lost = _behind_damage(data, at, candidates)
                yield from (None,) * lost


def _behind_damage(
    data: Data, at: int, candidates: Callable[[Data, int], Iterator[int]]
) -> tuple[int, int]:
    """Where the next whole record begins, or the end, and how many lie before it."""
    end = at
    lost = 0
    while (following := _end_of(data, end)) is not None:
        end = following
        lost += 1
        if end == len(data) or _whole_record(data, end) is not None:
            return end, lost
    found = (start for start in candidates(data, at + 1) if _whole_record(data, start) is not None)
    return next(found, len(data)), 1


def _end_of(data: Data, at: int) -> int | None:
    """Where a record ends by its own length; None where that can not be."""
    if at + RECORD.size > len(data):
        return None
    length, _ = RECORD.unpack_from(data, at)
    end: int = at + RECORD.size + length
    return end if length <= MOST_RECORD_BYTES and end <= len(data) else None


def _whole_record(data: Data, at: int) -> bytes | None:
    if (end := _end_of(data, at)) is None:
        return None
    record = data[at + RECORD.size : end]
    return record if zlib.crc32(record) == RECORD.unpack_from(data, at)[1] else None
