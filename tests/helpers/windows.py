"""This system made to refuse what Windows refuses, so that its rules are tested on any."""

import errno
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from napari_unet.files import lock, names


class FakeLocking:
    """The locks of msvcrt: each is of one byte of a file, and is gone when that is closed."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self._holders: dict[int, int] = {}
        self.modes: list[tuple[int, int]] = []

    def locking(self, handle: int, mode: int, length: int) -> None:
        self.modes.append((mode, length))
        number = os.fstat(handle).st_ino
        holder = self._holders.get(number)
        if holder is not None and holder != handle and _has_open(holder, number):
            raise PermissionError(errno.EACCES, "Permission denied")
        self._holders[number] = handle


def act_as_windows(monkeypatch: pytest.MonkeyPatch) -> FakeLocking:
    """Files and folders that are open in this process can be neither renamed nor removed, names are
    compared without case, locks are those of msvcrt; nobody waits between tries.
    """
    locking = FakeLocking()
    copy = _lock_of_windows(locking, monkeypatch)
    for name in ("_lock", "_release"):
        monkeypatch.setattr(lock, name, getattr(copy, name))
    monkeypatch.setattr(names, "WINDOWS", True)
    monkeypatch.setattr(names, "IGNORES_CASE", True)
    monkeypatch.setattr(names, "WAITS_S", (0.0,) * len(names.WAITS_S))
    for name in ("replace", "rename", "unlink", "remove", "rmdir"):
        monkeypatch.setattr(os, name, _refusing(getattr(os, name)))
    return locking


def _lock_of_windows(locking: FakeLocking, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of locks as Windows imports it."""
    spec = spec_from_file_location("lock_of_windows", lock.__file__)
    assert spec is not None
    assert spec.loader is not None
    copy = module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setitem(sys.modules, "msvcrt", locking)
        spec.loader.exec_module(copy)
    return copy


def _has_open(handle: int, number: int) -> bool:
    try:
        return os.fstat(handle).st_ino == number
    except OSError:
        return False


def _refusing(act: Callable[..., Any]) -> Callable[..., Any]:
    def refusing(*paths: Any, **options: Any) -> Any:
        opened = _open_files()
        for path in paths:  # what is renamed, and what would be replaced
            whole = _whole(path, options.get("dir_fd"))
            if any(other.is_relative_to(whole) for other in opened):
                raise PermissionError(13, "The process cannot access the file", str(path))
        return act(*paths, **options)

    return refusing


def _whole(path: Any, folder: int | None) -> Path:
    if folder is None:
        return Path(os.path.abspath(path))  # noqa: PTH100 a link is itself renamed
    return Path(os.readlink(f"/proc/self/fd/{folder}")) / os.fspath(path)  # noqa: PTH115


def _open_files() -> set[Path]:
    """The files that this process has open."""
    return {Path(file.path) for file in psutil.Process().open_files()}
