"""One writer of a result at a time, whatever its kind, also where a process was killed."""

import errno
import os
from pathlib import Path

import pytest

from helpers.child import child
from napari_unet.errors import BusyError, OutputError
from napari_unet.files import lock as locks
from napari_unet.files.only_writer import only_writer, only_writer_where_possible

HOLD = """
from pathlib import Path
from napari_unet.files.only_writer import only_writer
with only_writer(Path(sys.argv[1])):
    ready()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.tif"


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_a_second_writer_is_refused_and_one_of_another_file_is_not(path: Path) -> None:
    with only_writer(path):
        with (
            pytest.raises(BusyError, match=r"result\.tif is being written by another run at this"),
            only_writer(path),
        ):
            pytest.fail("two write at once")
        with only_writer(path.with_name("other.tif")):
            pass
    with only_writer(path):
        assert names(path) == [".result.tif.whole.lock"]
    assert names(path) == []


def test_a_link_and_its_file_have_one_writer(path: Path) -> None:
    path.write_bytes(b"")
    link = path.with_name("link.tif")
    link.symlink_to(path)
    with only_writer(link), pytest.raises(BusyError), only_writer(path):
        pytest.fail("two write at once")


def test_a_writer_that_is_killed_holds_nothing(path: Path) -> None:
    with child(HOLD, path), pytest.raises(BusyError), only_writer(path):
        pytest.fail("two write at once")
    assert names(path) == [".result.tif.whole.lock"]
    with only_writer(path):
        pass
    assert names(path) == []


def test_the_longest_name_has_a_lock_too(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".tif")
    path.write_bytes(b"")
    with only_writer(path), pytest.raises(BusyError), only_writer(path):
        pytest.fail("two write at once")


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no file that is open")
def test_a_lock_file_that_was_removed_meanwhile_is_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder ended after this one had opened it: whoever came next would make another, and hold
    that.
    """
    found: list[list[str]] = []

    def lock_late(handle: int) -> None:
        if not found:
            path.with_name(".result.tif.whole.lock").unlink()
        found.append(names(path))

    monkeypatch.setattr(locks, "_lock", lock_late)
    with only_writer(path):
        assert names(path) == [".result.tif.whole.lock"]
    assert found == [[], [".result.tif.whole.lock"]]
    assert names(path) == []


def test_who_holds_a_lock_for_a_moment_refuses_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run looks whether what is left here belongs to anybody."""
    real = locks._lock
    tries: list[int] = []

    def held_at_first(handle: int) -> None:
        tries.append(handle)
        if len(tries) < 3:
            raise OSError(errno.EAGAIN, "held")
        real(handle)

    monkeypatch.setattr(locks, "_lock", held_at_first)
    with only_writer(path):
        assert len(tries) == 3


def unwritable(path: Path, *rest: object, **more: object) -> int:
    raise OSError(errno.EROFS, "Read-only file system", str(path))


def test_a_folder_that_can_not_be_written_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks.os, "open", unwritable)
    with (
        pytest.raises(OutputError, match=r"Read-only file system\. Choose another"),
        only_writer(path),
    ):
        pytest.fail("it was locked")


def test_what_a_run_can_do_without_needs_no_lock_but_is_not_written_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    with only_writer_where_possible(path):
        with pytest.raises(BusyError), only_writer_where_possible(path):
            pytest.fail("two write at once")
        monkeypatch.setattr(locks.os, "open", unwritable)
        with only_writer_where_possible(path), only_writer_where_possible(None):
            ran.append(1)
    assert ran == [1]
