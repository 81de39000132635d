"""`napari-unet` on a disk that is full: what is finished stays, and a sentence says what to do."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.command_line import Command
from helpers.resumable import values
from helpers.small_disk import SmallDisk
from napari_unet.cli.segment import backend as segment_backend
from napari_unet.segment import whole_file
from napari_unet.segment.resumable import store, tiles

Models = dict[str, Path]
MOUNTED = Path("disk")
# the command line on a disk of its own, which is that of a process and its children alone
CHILD = """
import importlib, sys
store = importlib.import_module("napari_unet.segment.resumable.store")
store.check_room = lambda *_: None  # of what is to be left free
from napari_unet.cli import main
main()
"""
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && "$@"; echo $? >code; cp -r disk left'


def full_after(tiles: int, disk: SmallDisk, patch: pytest.MonkeyPatch, but: int = 0) -> None:
    """Let another program fill the disk, `but` for some bytes, when so many tiles are written."""
    real: Any = segment_backend.stream

    def stream(*given: object, **named: object) -> object:
        for done, tile in enumerate(real(*given, **named)):
            if done == tiles:
                disk.size -= disk.free - but
            yield tile

    patch.setattr(segment_backend, "stream", stream)
    patch.setattr(segment_backend, "with_seconds", lambda found, *_: found)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    (tmp_path / MOUNTED).mkdir()
    return SmallDisk(tmp_path / MOUNTED, 2**20, monkeypatch)


@pytest.fixture
def words(models: Models, stack: Path) -> tuple[object, ...]:
    return ("segment", stack, "--model", models["three"], "--tile-px", 16, "--output")


def test_a_zarr_run_says_how_many_tiles_are_finished_and_how_to_resume(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        full_after(10, disk, patch)
        ran = run(*words, "disk/a.zarr", "--json")
    assert ran.code == 1
    said = ran.json["results"][0]["error"]
    assert "No space left to write" in said
    assert "nothing is free, about 1 MB needed" in said
    assert "10 of 48 tiles are kept in" in said
    assert "the same command with --resume goes on from there" in said
    assert said in ran.err
    assert "unforeseen" not in ran.err
    disk.size = 2**20
    again = run(*words, "disk/a.zarr", "--json", "--resume")
    assert again.json["results"][0]["tiles_skipped"] == 10
    assert run(*words, "whole.tif").code == 0
    np.testing.assert_array_equal(values(disk.folder / "a.zarr"), values(Path("whole.tif")))


@pytest.mark.parametrize("labels", ["a.zarr", "a.tif"])
@pytest.mark.parametrize("own_disk", [True, False])
def test_labels_stay_where_only_the_probabilities_find_no_room(
    run: Command,
    words: tuple[object, ...],
    disk: SmallDisk,
    monkeypatch: pytest.MonkeyPatch,
    labels: str,
    own_disk: bool,
) -> None:
    output = labels if own_disk else f"disk/{labels}"
    probabilities = "disk/" + labels.replace("a", "p", 1)
    with monkeypatch.context() as patch:
        if labels == "a.zarr":
            full_after(10, disk, patch, but=400)  # enough for labels
        disk.size = 2**20 if labels == "a.zarr" else 2000 + 8000 * (not own_disk)
        ran = run(*words, output, "--probabilities", probabilities, "--json")
    assert ran.code == 1
    (result,) = ran.json["results"]
    assert result["error"].startswith(f"The labels are in {output}, without the probabilities. No ")
    assert sum(result["voxels"].values()) == 4 * 40 * 50
    assert result["tiles"] == 48
    assert run(*words, "whole.tif").code == 0
    np.testing.assert_array_equal(values(Path(output)), values(Path("whole.tif")))
    left = {path.name for path in disk.folder.iterdir()}
    assert left == (set() if own_disk else {labels})


def test_labels_come_first_where_there_is_room_for_one_file(
    run: Command, words: tuple[object, ...], disk: SmallDisk
) -> None:
    assert run(*words, "whole.tif", "--probabilities", "p.tif").code == 0
    disk.size = Path("p.tif").stat().st_size + 100
    ran = run(*words, "disk/a.tif", "--probabilities", "disk/p.tif")
    assert ran.code == 1
    assert "The labels are in disk/a.tif, without the probabilities" in ran.err
    assert [path.name for path in disk.folder.iterdir()] == ["a.tif"]


def test_the_labels_failing_leaves_neither(
    run: Command, words: tuple[object, ...], disk: SmallDisk
) -> None:
    disk.size = 1100
    ran = run(*words, "disk/a.tif", "--probabilities", "p.tif")
    assert ran.code == 1
    assert "No space left to write" in ran.err
    assert list(disk.folder.iterdir()) == []


def test_a_tiff_that_certainly_finds_no_room_is_refused_before_the_work(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.size = 1000
    monkeypatch.setattr(segment_backend, "stream", lambda *_, **__: pytest.fail("it was computed"))
    ran = run(*words, "disk/a.tif")
    assert ran.code == 1
    assert "needs at least 1 MB" in ran.err
    assert list(disk.folder.iterdir()) == []


def test_a_tiff_that_may_find_no_room_is_tried_and_that_is_said_before(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "expected_bytes", lambda _: 2**30)
    ran = run(*words, "disk/a.tif", "--json")
    assert ran.code == 0
    assert any("The disk may be too small" in note for note in ran.json["results"][0]["notes"])


def test_a_journal_that_can_not_be_flushed_hides_no_other_error(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(handle: int) -> None:
        if not disk.free:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    full_after(10, disk, monkeypatch)
    monkeypatch.setattr(os, "fsync", fsync)
    assert "10 of 48 tiles are kept in" in run(*words, "disk/a.zarr").err


@pytest.mark.parametrize("size", [0, 900, 3000, 6000, 9200, 14000, 30000])
def test_whatever_the_size_of_the_disk_nothing_is_wrong_or_in_the_way(
    run: Command,
    words: tuple[object, ...],
    disk: SmallDisk,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(store, "check_room", lambda *_: None)
    assert run(*words, "whole.tif").code == 0
    outputs = ("disk/a.zarr", "--probabilities", "disk/p.zarr")
    disk.size = size
    ran = run(*words, *outputs)
    assert ran.code == 1
    assert "No space left to write" in ran.err
    if not (disk.folder / "a.zarr").exists():
        disk.size = 2**20
        assert run(*words, *outputs, "--resume").code == 0
        assert {path.name for path in disk.folder.iterdir()} == {"a.zarr", "p.zarr"}
    np.testing.assert_array_equal(values(disk.folder / "a.zarr"), values(Path("whole.tif")))


def test_labels_that_find_no_room_beside_the_probabilities_take_theirs(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_after(10, disk, monkeypatch)  # the next that is written are labels
    ran = run(*words, "disk/a.zarr", "--probabilities", "disk/p.zarr")
    assert "The labels are in disk/a.zarr, without the probabilities." in ran.err
    assert [path.name for path in disk.folder.iterdir()] == ["a.zarr"]


def test_probabilities_on_another_disk_are_not_given_up_for_labels(
    run: Command, words: tuple[object, ...], disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        full_after(10, disk, patch)
        patch.setattr(tiles, "is_same_disk", lambda *_: False)
        ran = run(*words, "disk/a.zarr", "--probabilities", "p.zarr")
    assert "10 of 48 tiles are kept in" in ran.err
    disk.size = 2**20
    ran = run(*words, "disk/a.zarr", "--probabilities", "p.zarr", "--resume", "--json")
    assert (ran.code, ran.json["results"][0]["tiles_skipped"]) == (0, 10)


def mountable() -> bool:
    """Whether this user may mount a small disk in a process of their own, as Linux allows some."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
    )
    return tried.returncode == 0


def run_on_disk(size: str, *words: object) -> tuple[int, str]:
    """The command line in a process whose folder `disk` is a file system of that size; what it
    holds at the end is in `left`.
    """
    command = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", size, "disk"]
    ended = subprocess.run(
        [*command, sys.executable, "-c", CHILD, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(Path("code").read_text()), ended.stderr


@pytest.mark.parametrize("suffix", [".zarr", ".tif"] if mountable() else [])
def test_a_real_small_disk(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("disk").mkdir()
    tifffile.imwrite("noise.tif", np.random.default_rng(0).random((9, 200, 200), np.float32))
    words = ("segment", "noise.tif", "--axes", "zyx", "--model", models["three"], "--tile-px", 64)
    size = {".zarr": "120k", ".tif": "12k"}[suffix]
    code, said = run_on_disk(size, *words, "--output", f"disk/a{suffix}")
    assert code == 1
    assert "No space left to write" in said
    assert ("tiles are kept in" in said) == (suffix == ".zarr")
    assert bool(list(Path("left").iterdir())) == (suffix == ".zarr")
