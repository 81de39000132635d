"""What is painted is on disk half a second later, whatever is painted meanwhile."""

import time

import numpy as np
import pytest

from helpers.small_disk import SmallDisk
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.learn.journal.folder import FOLDER_VARIABLE, list_journals
from napari_unet.learn.journal.stroke_journal import read_stroke_journal
from napari_unet.scans.scan import Scan
from napari_unet.widgets.arrays.trust_map import TrustMap
from napari_unet.widgets.jobs.background_writer import BackgroundWriter
from napari_unet.widgets.painting.layer_journal import JournalFacts, LayerJournal


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))


def make(shape=(2, 300, 300)) -> tuple[TrustMap, LayerJournal]:
    labels = np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)
    trust = TrustMap(labels, labels.copy())
    return trust, LayerJournal(
        trust,
        JournalFacts(Scan(np.zeros(shape), "zyx"[-len(shape) :], (1.0,) * len(shape)), "cells"),
    )


def paint(trust, row, column, label=5):
    box = (slice(0, 1), slice(row, row + 9), slice(column, column + 9))
    trust.labels[box] = label
    trust.went_over(box, np.ones((1, 9, 9), bool), label)
    trust.end_gesture(True)


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def played():
    (entry,) = list_journals()
    return read_stroke_journal(entry.path)


def same(trust) -> bool:
    if not list_journals():
        return False
    found = played()
    return np.array_equal(found.labels, trust.labels) and np.array_equal(found.trust, trust.trust)


def test_nothing_is_written_before_something_is_painted():
    _, journal = make()
    assert not journal.send()
    assert list_journals() == []


def test_what_was_painted_can_be_played():
    trust, journal = make()
    paint(trust, 10, 10)
    while journal.send():
        pass
    assert same(trust)
    assert played().whole
    paint(trust, 200, 250, 7)
    trust.labels[0, 200:209, 250:259] = 5
    trust.undo()
    box = (slice(1, 2), slice(0, 300), slice(0, 300))
    trust.mark(box, REVIEWED)
    journal.mark(box, REVIEWED)
    size = played() and list_journals()[0].path.stat().st_size
    while journal.send():
        pass
    assert same(trust)
    assert (
        list_journals()[0].path.stat().st_size - size < 40_000
    )  # a review of a slice costs no copy of it


@pytest.mark.alone
def test_a_stroke_is_on_disk_within_half_a_second_while_painting_goes_on():
    trust, journal = make(
        (8, 1500, 1500)
    )  # the labels themselves take longer than that to be written
    writer = BackgroundWriter(journal.send, journal.close)
    paint(trust, 5, 5)
    writer.wake()
    until(lambda: bool(list_journals()))
    worst = 0.0
    for stroke in range(8):
        paint(trust, 20 * stroke, 1000, 9)
        writer.wake()
        begun = time.monotonic()
        until(lambda stroke=stroke: (played().labels[0, 20 * stroke, 1000:1009] == 9).all())
        worst = max(worst, time.monotonic() - begun)
        time.sleep(0.05)
    writer.close(wait_s=20)
    assert worst < 2.0  # reading all of it again and again takes most of this
    assert same(trust)
    assert played().closed


def test_a_full_disk_is_reported_and_nothing_is_forgotten(monkeypatch):
    trust, journal = make()
    paint(trust, 10, 10)
    real = journal._begun_journal
    monkeypatch.setattr(
        journal,
        "_begun_journal",
        lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    assert not journal.send()
    assert "No space left" in journal.problem
    monkeypatch.setattr(journal, "_begun_journal", real)
    while journal.send():
        pass
    assert same(trust)
    assert journal.problem == ""


def test_a_block_that_could_not_be_written_is_written_later(monkeypatch):
    trust, journal = make()
    paint(trust, 10, 10)
    opened = journal._begun_journal()
    real = opened.stroke
    monkeypatch.setattr(
        opened, "stroke", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    assert not journal.send()
    monkeypatch.setattr(opened, "stroke", real)
    while journal.send():
        pass
    assert (played().trust == PAINTED).sum() == 81


def test_a_full_disk_is_reported_at_once_and_strokes_are_saved_when_there_is_room(
    tmp_path, monkeypatch
):
    disk = SmallDisk(tmp_path, 10**6, monkeypatch)
    trust, _ = make()
    notes = []
    facts = JournalFacts(Scan(np.zeros((2, 300, 300)), "zyx", (1.0,) * 3), "cells")
    journal = LayerJournal(trust, facts, notes.append)
    writer = BackgroundWriter(journal.send, journal.close, rest_s=0.01, retry_s=0.05)
    paint(trust, 10, 10)
    writer.wake()
    until(lambda: same(trust))
    before = played()
    disk.size = 0
    paint(trust, 60, 60)
    writer.wake()
    until(lambda: len(notes) == 1)  # nothing else is painted meanwhile
    assert "Strokes can not be saved for a restart: No space left" in notes[0]
    paint(trust, 110, 110)
    writer.wake()
    np.testing.assert_array_equal(played().labels, before.labels)
    assert played().unread == 0
    disk.size = 10**6
    until(lambda: same(trust))
    assert notes[1:] == [""]
    writer.close(wait_s=5)
    assert played().closed


def test_an_outbox_sends_the_last_and_ends():
    sent = []
    ended = []
    writer = BackgroundWriter(lambda: bool(sent.append(1)), lambda: ended.append(1), rest_s=0.01)
    writer.wake()
    until(lambda: len(sent) == 1)
    time.sleep(0.05)
    assert len(sent) == 1
    writer.close(wait_s=2)
    assert (len(sent), ended) == (2, [1])
    assert not writer._thread.is_alive()
