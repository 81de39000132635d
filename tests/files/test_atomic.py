"""Files that are written whole or not at all, also where open ones can not be renamed."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from helpers.windows import act_as_windows
from napari_unet.errors import OutputError
from napari_unet.files import leftovers, names
from napari_unet.files.atomic import check_writable, write_atomically
from napari_unet.files.leftovers import remove_folder
from napari_unet.files.moves import discard, move
from napari_unet.files.names import WAITS_S


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    act_as_windows(monkeypatch)


def write(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: _fill(temporary, text))


def _fill(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.usefixtures("windows")
def test_a_file_that_another_program_has_open_stays_and_one_sentence_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "labels.tif"
    path.write_text("old")
    with path.open(), pytest.raises(OutputError) as caught:
        write(path, "new")
    assert "another program has it open" in str(caught.value)
    assert "Close it there, and try again" in str(caught.value)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["labels.tif"]
    write(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("refused", [0, 1, len(WAITS_S)])
def test_a_file_that_a_scanner_reads_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    waits, refusals = _refuse(monkeypatch, refused)
    write(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert waits == list(WAITS_S[:refused])
    assert not refusals


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, _ = _refuse(monkeypatch, 100)
    with pytest.raises(OutputError, match=r"Can not write .*\. What was there is untouched\."):
        write(tmp_path / "a", "new")
    assert waits == list(WAITS_S)
    assert sum(waits) < 3
    assert not list(tmp_path.iterdir())


def test_where_open_files_can_be_renamed_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, _ = _refuse(monkeypatch, 1)
    monkeypatch.setattr(names, "WINDOWS", False)
    with pytest.raises(OutputError, match=r"Permission denied\. What was there is untouched\."):
        write(tmp_path / "a", "new")
    assert waits == []


def _refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> tuple[list[float], list[None]]:
    """Make Windows refuse to rename so often; how long is waited, and what is still to come."""
    waits: list[float] = []
    refusals: list[None] = [None] * times
    real = os.replace

    def replace(*paths: Any) -> None:
        if refusals:
            refusals.pop()
            raise PermissionError(13, "Permission denied")
        real(*paths)

    monkeypatch.setattr(names, "WINDOWS", True)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits, refusals


@pytest.mark.usefixtures("windows")
def test_a_folder_of_which_a_file_is_open_is_not_moved(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / "chunk").touch()
    with (folder / "chunk").open(), pytest.raises(PermissionError):
        move(folder, tmp_path / "b.zarr")
    move(folder, tmp_path / "b.zarr")
    assert (tmp_path / "b.zarr" / "chunk").exists()


@pytest.mark.usefixtures("windows")
def test_what_is_of_no_use_any_more_stays_where_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    path.touch()
    with path.open():
        discard(path)
    assert path.exists()
    discard(path)
    discard(path)
    assert not path.exists()


@pytest.mark.usefixtures("windows")
def test_a_folder_is_forgotten_but_for_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "DELETION_WAIT_S", 60)  # until it is done
    folder = tmp_path / "a.partial"
    folder.mkdir()
    (folder / "open").touch()
    (folder / "closed").touch()
    with (folder / "open").open():
        remove_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["open"]
    remove_folder(folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("windows")
def test_paths_that_windows_can_not_take_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "takes_long_paths", lambda: False)
    short = names.LONGEST_PATH - len(str(tmp_path)) - 1
    check_writable(tmp_path / ("a" * (short - names.BESIDE)))
    for name, words in (("a" * (short - names.BESIDE + 1), "too long"), ("con.txt", "device")):
        with pytest.raises(OutputError, match=words):
            check_writable(tmp_path / name)
        with pytest.raises(OutputError, match=words):
            write(tmp_path / name, "new")
    assert not list(tmp_path.iterdir())
