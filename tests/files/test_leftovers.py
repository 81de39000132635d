"""What killed runs have left is removed by the next one in that folder, and nothing else is."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from helpers.child import child, killed
from napari_unet.files import leftovers
from napari_unet.files import lock as locks
from napari_unet.files.atomic import check_writable, write_atomically
from napari_unet.files.leftovers import remove_folder
from napari_unet.files.only_writer import only_writer

WRITE = """
from pathlib import Path
from napari_unet.files.atomic import write_atomically
def write(path):
    path.write_bytes(b"half of it")
    ready()
write_atomically(Path(sys.argv[1]), write)
"""
MAKE_FOLDER = """
from pathlib import Path
from napari_unet.scans.formats.zarr_write import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "chunk").write_bytes(b"")
    ready()
"""
DELETE = """
from pathlib import Path
from napari_unet.files import leftovers
leftovers.shutil.rmtree = lambda path: ready()
leftovers.DELETION_WAIT_S = None
leftovers.remove_folder(Path(sys.argv[1]))
"""
HOLD = """
from pathlib import Path
from napari_unet.files.only_writer import only_writer
with only_writer(Path(sys.argv[1]), sys.argv[2]):
    ready()
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look through the folder each time, however long the last look took."""
    monkeypatch.setattr(leftovers, "_next_sweep", {})
    monkeypatch.setattr(leftovers, "SWEEP_SHARE", 1e9)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def write(folder: Path, name: str = "new.txt") -> None:
    write_atomically(folder / name, lambda path: path.write_bytes(b"new") and None)


def test_a_temporary_file_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    killed(WRITE, tmp_path / "old.tif")
    assert len(names(tmp_path)) == 2
    write(tmp_path)
    assert names(tmp_path) == ["new.txt"]


def test_one_of_a_run_that_lives_stays(tmp_path: Path) -> None:
    with child(WRITE, tmp_path / "old.tif"):
        before = names(tmp_path)
        write(tmp_path)
        assert names(tmp_path) == [*before, "new.txt"]
    write(tmp_path)
    assert names(tmp_path) == ["new.txt"]


def test_temporary_folders_and_folders_half_deleted_are_removed_too(tmp_path: Path) -> None:
    killed(MAKE_FOLDER, tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    killed(DELETE, tmp_path / "b.zarr")
    assert [name.split(".")[-1] for name in names(tmp_path)] == ["part", "lock", "old", "lock"]
    with only_writer(tmp_path / "c.zarr"):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["whole", "part-2-of-2"])
def test_a_lock_of_a_killed_run_is_removed(tmp_path: Path, name: str) -> None:
    killed(HOLD, tmp_path / "a.zarr", name)
    with child(HOLD, tmp_path / "b.zarr", name):
        write(tmp_path)
        assert names(tmp_path) == [f".b.zarr.{name}.lock", "new.txt"]


def test_files_of_other_programs_stay(tmp_path: Path) -> None:
    others = [".a.part", "a.12345678.part", ".git.lock", ".other.tif.12345678.part"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    write(tmp_path)
    assert names(tmp_path) == sorted([*others, "new.txt"])


def leave(folder: Path, age_s: float) -> None:
    for name in (".a.tif.0123abcd.part", ".a.tif.0123abcd.part.lock"):
        (folder / name).write_bytes(b"")
        then = time.time() - age_s
        os.utime(folder / name, (then, then))


@pytest.mark.parametrize(("age_s", "left"), [(80_000, 2), (90_000, 0)])
def test_where_there_are_no_locks_only_what_is_older_than_a_day_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_s: float, left: int
) -> None:
    def unsupported(handle: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    leave(tmp_path, age_s)
    monkeypatch.setattr(locks, "_lock", unsupported)
    write(tmp_path)
    assert len(names(tmp_path)) == left + 1


def test_a_folder_is_as_young_as_what_was_written_into_it_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_lock", lambda handle: os.truncate(-1, 0))  # there are no locks
    folder = tmp_path / ".a.zarr.0123abcd.part"
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "chunk").write_bytes(b"")
    lock = folder.with_name(folder.name + ".lock")
    lock.write_bytes(b"")
    for old in (folder / "0", folder, lock):
        os.utime(old, (0, 0))
    write(tmp_path)
    assert folder.exists()
    os.utime(folder / "0" / "chunk", (0, 0))
    write(tmp_path)
    assert names(tmp_path) == ["new.txt"]


@pytest.mark.parametrize(("age_s", "left"), [(80_000, 1), (90_000, 0)])
def test_a_temporary_file_of_the_same_result_without_a_lock_goes_after_a_day(
    tmp_path: Path, age_s: float, left: int
) -> None:
    leave(tmp_path, age_s)
    (tmp_path / ".a.tif.0123abcd.part.lock").unlink()
    write(tmp_path, "a.tif")
    assert len(names(tmp_path)) == left + 1


def test_a_large_folder_is_not_looked_through_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "SWEEP_SHARE", 1e-12)
    write(tmp_path)
    leave(tmp_path, 0)
    write(tmp_path)
    assert len(names(tmp_path)) == 3


def test_looking_whether_a_file_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "a.tif")
    assert names(tmp_path / "new") == []


def test_a_folder_is_away_at_once_however_long_its_deletion_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "large"
    may_go = threading.Event()
    real = leftovers.shutil.rmtree
    folder.mkdir()

    def slow(path: Path) -> None:
        may_go.wait(60)
        real(path)

    monkeypatch.setattr(leftovers, "DELETION_WAIT_S", 0.01)
    monkeypatch.setattr(leftovers.shutil, "rmtree", slow)
    remove_folder(folder)
    assert not folder.exists()
    write(tmp_path)
    hidden, lock, _ = names(tmp_path)
    assert lock == f"{hidden}.lock"
    may_go.set()
    for thread in threading.enumerate():
        if thread.name == "deletes a folder":
            thread.join()
    assert names(tmp_path) == ["new.txt"]
