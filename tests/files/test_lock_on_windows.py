"""The lock of a writer on Windows: another module, and files that stay while open."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from helpers.windows import FakeLocking, act_as_windows
from napari_unet.errors import OutputError
from napari_unet.files.leftovers import sweep
from napari_unet.files.only_writer import only_writer

REFUSAL = "Another process writes this."


@pytest.fixture
def locking(monkeypatch: pytest.MonkeyPatch) -> FakeLocking:
    """The module as it is on Windows, and the locks that it takes there."""
    return act_as_windows(monkeypatch)


def test_one_writer_at_a_time(locking: FakeLocking, tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    with only_writer(path, "part-1", REFUSAL):
        with pytest.raises(OutputError, match=REFUSAL), only_writer(path, "part-1", REFUSAL):
            pass
        with only_writer(path, "part-2", REFUSAL):
            pass
    with only_writer(path, "part-1", REFUSAL):
        pass
    assert not list(tmp_path.iterdir())
    assert set(locking.modes) == {(FakeLocking.LK_NBLCK, 1)}


@pytest.mark.usefixtures("locking")
def test_a_lock_that_another_has_open_stays_and_can_be_had(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    with only_writer(path, "part-1", REFUSAL):
        (file,) = tmp_path.iterdir()
        other = os.open(file, os.O_RDWR)
    assert file.exists()
    sweep(path)  # still open
    assert file.exists()
    os.close(other)
    with only_writer(path, "part-1", REFUSAL):
        pass
    assert not file.exists()


@pytest.mark.usefixtures("locking")
def test_a_lock_that_is_just_being_removed_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [PermissionError(errno.EACCES, "Delete pending")] * 2
    real = os.open

    def open_late(path: Any, *how: int) -> int:
        if refusals and str(path).endswith(".lock"):
            raise refusals.pop()
        return real(path, *how)

    monkeypatch.setattr(os, "open", open_late)
    with only_writer(tmp_path / "labels.zarr", "part-1", REFUSAL):
        assert not refusals


def test_where_there_are_no_locks_nobody_is_refused(
    locking: FakeLocking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(locking, "locking", unsupported)
    path = tmp_path / "labels.zarr"
    with only_writer(path, "part-1", REFUSAL), only_writer(path, "part-1", REFUSAL):
        pass
