import gc
import os
import shutil
import stat
from collections import namedtuple

import numpy as np
import pytest

from napari_unet.errors import OutputError
from napari_unet.files.room import free_room
from napari_unet.widgets.arrays import mapped_array as big_array
from napari_unet.widgets.arrays.mapped_array import cache_folder, part_of, room_of, zeros

Usage = namedtuple("Usage", "free")


class Stat:
    """What the system says of a file, on a disk that writes the zeros of sparse files."""

    st_blocks = 10

    def __init__(self, known: os.stat_result) -> None:
        self.st_dev = known.st_dev
        self.st_size = known.st_size
        self.st_blksize = known.st_blksize
        self.st_mode = known.st_mode


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(big_array, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(big_array, "user_cache_path", lambda *_, **__: tmp_path / "cache")


def test_small_arrays_are_in_memory():
    array = zeros((10, 10), np.uint8)
    assert not isinstance(array, np.memmap)
    assert not array.any()


def test_large_arrays_are_mapped_and_can_be_written():
    array = zeros((100, 20), np.float16)
    assert isinstance(array, np.memmap)
    assert array.shape == (100, 20)
    assert not array.any()
    array[3] = 2
    assert array.sum() == 40


def test_the_file_is_private_and_does_not_outlive_the_array():
    array = zeros((100, 20), np.uint8)
    assert stat.S_IMODE(cache_folder().stat().st_mode) & 0o077 == 0
    del array
    gc.collect()
    assert list(cache_folder().iterdir()) == []


def test_where_the_cache_can_not_be_written_the_folder_of_temporary_files_serves(
    monkeypatch, tmp_path
):
    (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = zeros((100, 20), np.uint8)
    assert isinstance(array, np.memmap)
    del array
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_full_disk_is_reported_before_anything_is_written(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10))
    with pytest.raises(OutputError, match="Free some space"):
        zeros((100, 20), np.uint8)
    assert list(cache_folder().iterdir()) == []


def test_room_that_other_results_will_take_is_not_free(monkeypatch):
    gc.collect()
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(big_array.SPARE_BYTES + 5000))
    first = zeros((3000,), np.uint8)
    with pytest.raises(OutputError, match="delete older results"):
        zeros((3000,), np.uint8)
    view = first[10:]
    del first
    gc.collect()
    with pytest.raises(OutputError):
        zeros((3000,), np.uint8)
    del view
    gc.collect()
    assert zeros((3000,), np.uint8).shape == (3000,)


def test_room_that_was_taken_already_is_not_counted_twice(monkeypatch):
    gc.collect()
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(big_array.SPARE_BYTES + 150_000))
    first = zeros((100_000,), np.uint8)
    with pytest.raises(OutputError):
        zeros((100_000,), np.uint8)
    first[:] = 1
    first.flush()
    assert zeros((100_000,), np.uint8).shape == first.shape


@pytest.mark.parametrize(
    ("part", "most"),
    [
        ((100, 300, 200), 6_000_000),
        ((1, 300, 200), 60_000 + 8192),
        ((1, 50, 100), 49 * 200 + 100 + 8192),
        ((3, 1, 1), 3 * 8193),
        ((0, 300, 200), 0),
    ],
)
def test_a_part_takes_the_room_of_its_pages_alone(part, most):
    assert room_of((100, 300, 200), part, 1) == most


def test_a_part_fits_where_the_whole_would_not(monkeypatch):
    gc.collect()
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(big_array.SPARE_BYTES + 50_000))
    with pytest.raises(OutputError, match="segment a part"):
        zeros((100, 40, 40), np.uint8)
    slices = [zeros((100, 40, 40), np.uint8, (1, 40, 40)) for _ in range(4)]
    assert [part_of(array) for array in slices] == [(1, 40, 40)] * 4
    assert part_of(np.zeros(3)) is None
    with pytest.raises(OutputError):  # four times 1600 bytes and two pages are spoken for
        zeros((100, 40, 40), np.uint8, (2, 40, 40))


def test_what_is_written_of_a_part_is_no_more_than_its_room():
    array = zeros((64, 300, 500), np.uint8, (2, 9, 20))
    array[7:9, 30:39, 100:120] = 1
    array.flush()
    ((handle, room),) = big_array._files.items()
    assert room == room_of((64, 300, 500), (2, 9, 20), 1)
    assert 0 < os.fstat(handle).st_blocks * big_array.BLOCK_BYTES <= room


def test_a_folder_that_can_not_be_made_is_reported(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(big_array, "user_cache_path", lambda *_, **__: tmp_path / "file")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="can not be made"):
        zeros((3000,), np.uint8)


def test_a_file_that_can_not_be_so_large_leaves_nothing(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(27, "File too large")

    monkeypatch.setattr(big_array.np, "memmap", refuse)
    with pytest.raises(OutputError, match="File too large"):
        zeros((3000,), np.uint8)
    assert list(cache_folder().iterdir()) == []


def test_what_an_earlier_process_left_is_removed_once(tmp_path):
    folder = tmp_path / "cache" / "results"
    folder.mkdir(parents=True)
    (folder / "result-old").touch()
    (folder / "other").touch()
    assert [path.name for path in cache_folder().iterdir()] == ["other"]
    (folder / "result-new").touch()
    assert (cache_folder() / "result-new").exists()


@pytest.mark.parametrize("sparse", [True, False])
def test_another_disk_takes_what_that_of_the_cache_can_not(monkeypatch, tmp_path, sparse):
    (other := tmp_path / "other").mkdir()
    (other / ".napari-unet-loop-result-old").touch()
    (other / "result-of-the-user").touch()
    full = Usage(0), Usage(2 * big_array.SPARE_BYTES)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: full[folder == other])
    monkeypatch.setattr(big_array, "TRIAL_BYTES", 2**20 if sparse else 1)
    if not sparse:
        monkeypatch.setattr(big_array, "BLOCK_BYTES", 1)
        fstat = os.fstat
        monkeypatch.setattr(big_array.os, "fstat", lambda handle: Stat(fstat(handle)))
    made = []
    mkstemp = big_array.tempfile.mkstemp
    monkeypatch.setattr(
        big_array.tempfile, "mkstemp", lambda **given: made.append(given) or mkstemp(**given)
    )
    if sparse:
        zeros((3000,), np.uint8, None, other)[5] = 1
        assert made == [{"prefix": ".napari-unet-loop-result-", "dir": other}]
        assert [path.name for path in other.iterdir()] == ["result-of-the-user"]
    else:
        with pytest.raises(OutputError, match=r"needs 1 MB in .*cache"):
            zeros((3000,), np.uint8, None, other)
        assert made == []


def test_room_that_arrays_will_take_is_not_free_for_files(monkeypatch):
    gc.collect()
    folder = cache_folder()
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)  # other programs write too
    before = free_room(folder)
    array = zeros((2**24,), np.uint8)
    assert before - free_room(folder) == pytest.approx(2**24, abs=2**22)
    del array
    gc.collect()
    assert before - free_room(folder) == pytest.approx(0, abs=2**22)
