"""Whatever says that a disk is full becomes one error with one kind of sentence."""

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from helpers.small_disk import SmallDisk
from napari_unet.errors import NoSpaceError, OutputError
from napari_unet.files.append_only import AppendOnly, read_records
from napari_unet.files.atomic import write_atomically
from napari_unet.files.full_disk import is_no_space, no_space, no_space_explained
from napari_unet.files.room import check_least_room, note_on_room


class DiskFullError(OSError):
    winerror = 112


class HandleDiskFullError(OSError):
    winerror = 39


FULL = {
    "the system": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "a quota": OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    "a limit of files": OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
    "Windows, disk": DiskFullError(errno.EINVAL, "There is not enough space on the disk"),
    "Windows, handle": HandleDiskFullError(errno.EACCES, "The disk is full"),
    # what the libraries say, word for word
    "safetensors": SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    ),
    "numpy, tifffile": OSError("360000 requested and 12288 written"),
    "torch.save": RuntimeError(
        "[enforce fail at inline_container.cc:691] . PytorchStreamWriter failed writing file "
        "data/0: file write failed"
    ),
    "torch.save, its end": RuntimeError(
        "[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"
    ),
    "several at once": ExceptionGroup("of tasks", [ValueError(), OSError(errno.ENOSPC, "full")]),
}
OTHERS = {
    "rights": PermissionError(errno.EACCES, "Permission denied"),
    "memory": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "a card": RuntimeError("CUDA out of memory. Tried to allocate 9.00 GiB"),
    "ours": OutputError("No space left in this sentence, which is ours."),
}


@pytest.mark.parametrize("name", FULL)
def test_every_way_to_say_that_a_disk_is_full_is_known(name: str) -> None:
    assert is_no_space(FULL[name])


@pytest.mark.parametrize("name", OTHERS)
def test_what_says_something_else_is_not_taken_for_it(name: str) -> None:
    assert not is_no_space(OTHERS[name])


def test_what_led_to_an_error_counts_unless_it_was_dealt_with() -> None:
    error = RuntimeError("the store failed")
    error.__cause__ = FULL["the system"]
    assert is_no_space(error)
    error = RuntimeError("the store failed")
    error.__context__ = FULL["the system"]
    assert is_no_space(error)
    error.__suppress_context__ = True
    assert not is_no_space(error)


def test_the_sentence_says_what_was_written_and_how_much_room_there_is(tmp_path: Path) -> None:
    full = FULL["the system"]
    text = str(no_space(tmp_path / "new" / "a.tif", full, 3 * 2**30, "All is well."))
    assert text.startswith(f"No space left to write {tmp_path}/new/a.tif (")
    assert " is free, about 3.0 GB needed). All is well. Free some space" in text
    assert len(str(no_space(Path("/" + "x" * 5000), full))) <= 300
    assert str(no_space(None, full)).startswith("No space left. Free")


def test_a_file_that_is_too_large_for_its_disk_is_said_to_be_so() -> None:
    text = str(no_space(Path("a.tif"), FULL["a limit of files"]))
    assert text.startswith("a.tif would be larger than a file may be there (")


def test_errors_of_another_kind_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), no_space_explained(tmp_path):
        raise OTHERS["rights"]
    with pytest.raises(NoSpaceError), no_space_explained(tmp_path):
        raise FULL["torch.save"]


def test_a_file_that_finds_no_room_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    SmallDisk(tmp_path, 100, monkeypatch)
    with pytest.raises(
        NoSpaceError, match=r"about 1 MB needed.*What was there is untouched"
    ) as full:
        write_atomically(path, lambda temporary: temporary.write_bytes(bytes(200)), needed=200)
    assert "nothing is free" not in str(full.value)  # what was begun is gone when that is measured
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["safetensors", "torch.save"])
def test_libraries_with_errors_of_their_own_are_understood(tmp_path: Path, name: str) -> None:
    def write(_: Path) -> None:
        raise FULL[name]

    with pytest.raises(NoSpaceError):
        write_atomically(tmp_path / "a.bin", write)
    assert not list(tmp_path.iterdir())


def test_a_journal_that_finds_no_room_holds_whole_records_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(tmp_path, 40, monkeypatch)
    file = AppendOnly(tmp_path / "journal")
    file.append(b"one")
    with pytest.raises(NoSpaceError, match="What it holds already is whole"):
        file.append(bytes(100))
    assert list(read_records(file.path)) == [b"one"]
    disk.size = 1000
    file.append(b"two")
    assert list(read_records(file.path)) == [b"one", b"two"]
    file.close()


def test_a_disk_that_says_it_is_full_only_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AppendOnly(tmp_path / "journal")

    def fsync(_: int) -> None:
        raise FULL["a quota"]

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NoSpaceError):
        file.flush()
    file.close()


def test_room_is_refused_only_where_it_certainly_does_not_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SmallDisk(tmp_path, 2**21, monkeypatch)
    check_least_room(tmp_path / "new", 2**21)
    with pytest.raises(NoSpaceError, match=r"needs at least 3 MB in .* which has 2 MB free"):
        check_least_room(tmp_path / "new", 3 * 2**20)
    assert note_on_room(tmp_path / "new", 2**21) == ""
    assert "takes about 3 MB" in note_on_room(tmp_path / "new", 3 * 2**20)
