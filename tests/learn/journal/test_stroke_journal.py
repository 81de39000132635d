import json
import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.small_disk import SmallDisk
from napari_unet.errors import NoSpaceError, OutputError, ScanError
from napari_unet.files.append_only import AppendOnly
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.learn.journal import folder
from napari_unet.learn.journal.folder import (
    FOLDER_VARIABLE,
    delete_history,
    journals_of_scan,
    list_journals,
    new_path,
    this_process,
)
from napari_unet.learn.journal.stroke_journal import (
    JournalHeader,
    StrokeJournal,
    read_journal_header,
    read_stroke_journal,
)
from napari_unet.scans.identity import identity_of
from napari_unet.scans.scan import Scan
from napari_unet.scans.views import ChannelStack

SHAPE = (3, 40, 50)
CLASSES = (("background", "#000000"), ("axon", "#ff0000"))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "strokes"))


def scan(seed: int = 0, dtype=np.uint16) -> Scan:
    return Scan(
        np.random.default_rng(seed).integers(0, 255, SHAPE).astype(dtype), "zyx", (1.0,) * 3
    )


def header(
    of: Scan | None = None, process: tuple[int, float] = (0, 0.0), dtype: str = "uint8"
) -> JournalHeader:
    return JournalHeader(
        identity_of(of or scan()),
        SHAPE,
        dtype,
        "cells",
        (("background", "#000000"), ("axon", "#ff0000")),
        process=process,
    )


def begin(path: Path | None = None, **words) -> StrokeJournal:
    return StrokeJournal(path or new_path(), header(**words))


BOX = (slice(1, 2), slice(3, 9), slice(5, 7))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint32"])
def test_what_was_written_is_played(dtype):
    highest = np.iinfo(dtype).max
    journal = begin(dtype=dtype)
    base = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)
    journal.labels((slice(0, 3), slice(0, 40), slice(0, 50)), base)
    journal.mark_labels_complete()
    journal.stroke(BOX, np.full((1, 6, 2), highest, dtype), np.full((1, 6, 2), PAINTED, np.uint8))
    journal.mark((slice(2, 3), slice(0, 40), slice(0, 50)), REVIEWED)
    journal.close()
    found = read_stroke_journal(journal.path)
    base[BOX] = highest
    np.testing.assert_array_equal(found.labels, base)
    assert found.labels.dtype == dtype
    assert (found.trust[BOX] == PAINTED).all()
    assert (found.trust[2] == REVIEWED).all()
    assert found.trust.astype(int).sum() == 12 + 2 * 2000
    assert (found.whole, found.closed) == (True, True)
    assert found.header.classes[1] == ("axon", "#ff0000")


def test_of_two_records_the_later_counts():
    journal = begin()
    for label in (3, 4):
        journal.stroke(
            BOX, np.full((1, 6, 2), label, np.uint8), np.full((1, 6, 2), label - 3, np.uint8)
        )
    journal.flush()
    found = read_stroke_journal(journal.path)
    assert (found.labels[BOX] == 4).all()
    assert (found.trust[BOX] == PAINTED).all()
    assert (found.whole, found.closed) == (False, False)


def test_every_cut_gives_what_came_before_it():
    journal = begin()
    ends = []
    for column in range(5):
        journal.stroke(
            (slice(0, 1), slice(0, 1), slice(column, column + 1)),
            np.ones((1, 1, 1), np.uint8),
            np.ones((1, 1, 1), np.uint8),
        )
        journal.flush()
        ends.append(journal.path.stat().st_size)
    whole = journal.path.read_bytes()
    for cut in range(ends[0] - 60, len(whole)):
        journal.path.write_bytes(whole[:cut])
        whole_strokes = sum(end <= cut for end in ends)
        if read_journal_header(journal.path) is not None:
            assert read_stroke_journal(journal.path).labels[0, 0].sum() == whole_strokes


def test_an_image_is_known_by_its_shape_dtype_axes_and_pixels():
    one = identity_of(scan())
    assert identity_of(scan()) == one
    assert identity_of(scan(seed=1)) != one
    assert identity_of(scan(dtype=np.int32)) != one
    assert identity_of(Scan(scan().data, "tyx", (1.0, 1.0))) != one
    assert identity_of(Scan(scan().data.astype(">u2"), "zyx", (1.0,) * 3)) == one


def test_channels_of_several_layers_are_known_too():
    stack = ChannelStack([scan(0).data, scan(1).data])
    assert identity_of(Scan(stack, "czyx", (1.0,) * 3)) == identity_of(
        Scan(stack, "czyx", (1.0,) * 3)
    )


def test_only_small_parts_of_an_image_are_read():
    class Huge:
        shape = (100_000, 100_000)
        dtype = np.dtype(np.uint8)
        read = 0

        def __getitem__(self, index):
            part = np.zeros([side.stop - side.start for side in index], np.uint8)
            Huge.read += part.size
            return part

    identity_of(Scan(Huge(), "yx", (1.0, 1.0)))
    assert 0 < Huge.read <= 16 * 64 * 64


def test_the_journals_of_an_image_are_found_newest_first():
    first = begin()
    other = begin(of=scan(seed=1))
    second = begin()
    os.utime(first.path, (time.time() - 60,) * 2)
    assert [entry.path for entry in journals_of_scan(scan())] == [second.path, first.path]
    assert [entry.path for entry in journals_of_scan(scan(seed=1))] == [other.path]
    assert journals_of_scan(Scan(np.zeros((5, 5)), "yx", (1.0, 1.0))) == []


def test_a_journal_that_is_being_written_is_not_offered():
    begin(process=this_process())
    assert journals_of_scan(scan()) == []
    assert len(list_journals()) == 1


def test_a_process_that_has_the_number_of_an_older_one_is_not_taken_for_it():
    begin(process=(os.getpid(), this_process()[1] - 1000))
    assert len(journals_of_scan(scan())) == 1


def test_journals_go_after_thirty_days():
    old = begin()
    young = begin()
    os.utime(old.path, (time.time() - 31 * 86_400,) * 2)
    os.utime(young.path, (time.time() - 29 * 86_400,) * 2)
    assert [entry.path for entry in list_journals()] == [young.path]
    assert not old.path.exists()


def test_the_history_is_deleted_and_nothing_else():
    begin()
    begin()
    other = folder.journal_folder() / "notes.txt"
    other.touch()
    assert delete_history() == 2
    assert list(folder.journal_folder().iterdir()) == [other]


@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
def test_journals_are_the_users_alone():
    journal = begin()
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_without_the_variable_they_lie_in_the_users_state_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_state_path", lambda name, **_: tmp_path / name)
    assert folder.journal_folder() == tmp_path / "napari-unet-loop" / "strokes"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 100])
def test_a_file_that_is_no_journal(content):
    path = new_path()
    path.write_bytes(content)
    assert list_journals() == []
    with pytest.raises(ScanError, match="no strokes that can be read"):
        read_stroke_journal(path)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"dtype": "float32"},
        {"dtype": "nothing"},
        {"shape": [2**30, 2**30]},
        {"new": 1},
    ],
)
def test_a_header_of_another_kind_is_no_journal(change):
    journal = begin()
    first = json.loads(journal.path.read_bytes()[9:])
    other = StrokeJournal.__new__(StrokeJournal)
    other._file = AppendOnly(new_path())
    other._file.append(b"H" + json.dumps({**first, **change}).encode())
    assert read_journal_header(journal.path) is not None
    assert read_journal_header(other.path) is None


def with_strokes(count: int) -> tuple[Path, list[int]]:
    """A journal of so many strokes in a row, and where each of their records begins."""
    journal = begin()
    starts = []
    for column in range(count):
        starts.append(journal.path.stat().st_size)
        ones = np.ones((1, 1, 1), np.uint8)
        journal.stroke((slice(0, 1), slice(0, 1), slice(column, column + 1)), ones, ones)
    journal.flush()
    return journal.path, starts


@pytest.mark.parametrize("byte", [1, 5, 10, 20])  # of the length, the checksum, the box, the labels
def test_a_damaged_stroke_costs_itself_and_is_counted(byte: int) -> None:
    path, starts = with_strokes(6)
    damaged = bytearray(path.read_bytes())
    damaged[starts[2] + byte] ^= 0x40
    path.write_bytes(damaged)
    found = read_stroke_journal(path)
    np.testing.assert_array_equal(found.labels[0, 0, :6], [1, 1, 0, 1, 1, 1])
    assert found.unread == 1


def test_a_stretch_that_the_disk_lost_hides_no_stroke_behind_it() -> None:
    path, starts = with_strokes(9)
    damaged = bytearray(path.read_bytes())
    middle = starts[3] + 5
    damaged[middle : starts[5] + 5] = bytes(starts[5] + 5 - middle)
    path.write_bytes(damaged)
    found = read_stroke_journal(path)
    np.testing.assert_array_equal(found.labels[0, 0, :9], [1, 1, 1, 0, 0, 0, 1, 1, 1])
    assert found.unread >= 1


def test_labels_of_before_that_are_damaged_are_not_taken_for_known() -> None:
    journal = begin()
    at = journal.path.stat().st_size
    journal.labels(BOX, np.ones((1, 6, 2), np.uint8))
    journal.mark_labels_complete()
    journal.close()
    assert read_stroke_journal(journal.path).whole
    damaged = bytearray(journal.path.read_bytes())
    damaged[at + 20] ^= 1
    journal.path.write_bytes(damaged)
    found = read_stroke_journal(journal.path)
    assert (found.whole, found.closed, found.unread) == (False, True, 1)


def test_a_journal_whose_header_finds_no_room_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_path()
    SmallDisk(path.parent, 100, monkeypatch)
    with pytest.raises(NoSpaceError):
        begin(path)
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_can_not_be_made_holds_no_journals_and_says_why_it_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "strokes"))
    assert list_journals() == []
    assert delete_history() == 0
    with pytest.raises(OutputError, match=r"Can not write into .*strokes: Not a directory"):
        begin(new_path())
