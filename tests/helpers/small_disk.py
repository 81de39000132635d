"""A folder whose disk takes few bytes: what writes more gets the error of a full disk from the
system, at the lowest level that all libraries go through.
"""

import builtins
import errno
import io
import os
import shutil
from collections import namedtuple
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Usage = namedtuple("Usage", "total used free")


class SmallDisk:
    """A disk of `size` bytes under a folder, until the test ends; `size` may be changed meanwhile,
    and deleting files makes room.
    """

    def __init__(self, folder: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder.resolve()
        self.size = size
        self._handles: dict[int, Path] = {}
        self._real_write = os.write
        self._real_usage = shutil.disk_usage
        monkeypatch.setattr(os, "open", self._opening(os.open))
        monkeypatch.setattr(os, "write", self._write)
        for module in (io, builtins):
            monkeypatch.setattr(module, "open", self._opening_file(io.open))
        monkeypatch.setattr(shutil, "disk_usage", self._usage)
        # what is to be left free on a disk is more than this one has
        monkeypatch.setattr("napari_unet.files.room.SPARE_BYTES", 0)

    @property
    def free(self) -> int:
        """Bytes that it still takes."""
        return max(0, self.size - sum(map(_size, self.folder.rglob("*"))))

    def take(self, data: Any) -> memoryview:
        """What of the data finds room; raises the error of a full disk where nothing does."""
        whole = memoryview(data).cast("B")
        if whole and not self.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole[: self.free]

    def _has(self, path: Any) -> bool:
        if not isinstance(path, str | os.PathLike):
            return False
        return Path(path).absolute().is_relative_to(self.folder)

    def _opening(self, real: Any) -> Any:
        def opening(path: Any, flags: int, *more: Any, **named: Any) -> int:
            handle: int = real(path, flags, *more, **named)
            self._handles.pop(handle, None)  # numbers are used again
            if self._has(path) and flags & (os.O_WRONLY | os.O_RDWR):
                self._handles[handle] = Path(path)
            return handle

        return opening

    def _write(self, handle: int, data: Any) -> int:
        return self._real_write(handle, self.take(data) if handle in self._handles else data)

    def _opening_file(self, real: Any) -> Any:
        def opening(path: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            if not self._has(path) or not set(mode) & set("wax+"):
                return real(path, mode, *more, **named)
            raw = _LimitedFile(path, mode.replace("b", "").replace("t", ""))
            raw.disk = self
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            encoding = named.get("encoding", "utf-8")
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding)

        return opening

    def _usage(self, path: Any) -> Any:
        return Usage(self.size, 0, self.free) if self._has(path) else self._real_usage(path)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):  # a folder may be deleted in the background meanwhile
        return path.stat().st_size if path.is_file() else 0
    return 0


class _LimitedFile(io.FileIO):
    disk: SmallDisk

    def write(self, data: Any) -> int:
        return super().write(self.disk.take(data))
