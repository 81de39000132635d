"""Whether a model fits is found out by a child process: the last question, once, and not while
something else computes.
"""

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QProcess

from helpers.tiny import smooth_image, tiny_spec
from napari_unet.scans.scan import scan_of
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.part_file import load_part
from napari_unet.segment.tiles.queue import Focus
from napari_unet.widgets.docks import fit_probe
from napari_unet.widgets.docks.fit_probe import FitProbe, FitQuestion, sentence_in
from napari_unet.widgets.fields.values import InputChoice

IMAGE = smooth_image((40, 50))
LASTING = "lasting"


class NoReading:
    """An array that can not be read."""

    shape = (40, 50)
    dtype = np.dtype(np.uint8)

    def __getitem__(self, index):
        raise OSError("the disk is gone")


def question(model: str, at: float = 20.0, data=IMAGE) -> FitQuestion:
    return FitQuestion(
        Path(model),
        "sha",
        InputChoice(layers=(1,), axes="yx"),
        tiny_spec(),
        scan_of(data),
        Focus((), (at, at)),
        SegmentSettings(),
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models of the children, which say their model's name; one of them lives until killed."""
    monkeypatch.setattr(fit_probe, "REST_MS", 10)
    begun: list[str] = []
    start = QProcess.start

    def instead(process: QProcess, program: str, words: list[str]) -> None:
        *_, model, part = words
        assert np.array_equal(load_part(Path(part)).scan.data[0], IMAGE)
        begun.append(model)
        said = f"""print('{{"sentence": "{model} fits."}}')"""
        code = "import time; time.sleep(60)" if model == LASTING else said
        start(process, program, ["-c", code])

    monkeypatch.setattr(fit_probe.QProcess, "start", instead)
    return begun


def test_the_last_question_is_answered_once(qtbot, started):
    probe = FitProbe()
    assert probe.answer(question("one")) == ""
    with qtbot.waitSignal(probe.found, timeout=20_000):
        assert probe.answer(question("other")) == ""
    assert probe.answer(question("other")) == "other fits."
    assert probe.answer(question("other", at=30.0)) == "other fits."  # nearly the same view
    with qtbot.waitSignal(probe.found, timeout=20_000):
        assert probe.answer(question("other", at=500.0)) == ""
    assert started == ["other", "other"]


def test_it_ends_when_something_else_computes(qtbot, started):
    probe = FitProbe()
    probe.answer(question(LASTING))
    qtbot.waitUntil(lambda: started == [LASTING], timeout=20_000)
    with qtbot.waitSignal(probe.found, timeout=20_000):
        probe.stop()
    probe.answer(question(LASTING))  # which has no answer yet
    qtbot.waitUntil(lambda: started == [LASTING, LASTING], timeout=20_000)
    with qtbot.waitSignal(probe.found, timeout=20_000):
        probe.stop()


def test_it_waits_while_a_job_runs(qtbot, started, monkeypatch):
    running = [True, True, False]
    monkeypatch.setattr(fit_probe, "busy", lambda: running.pop(0))
    probe = FitProbe()
    with qtbot.waitSignal(probe.found, timeout=20_000):
        probe.answer(question("one"))
    assert running == []
    assert started == ["one"]


def test_an_image_that_can_not_be_read_has_no_answer(qtbot, started):
    probe = FitProbe()
    with qtbot.waitSignal(probe.found, timeout=20_000):
        probe.answer(question("one", data=NoReading()))
    assert started == []
    assert probe.answer(question("one", data=NoReading())) == ""


def test_no_part_of_an_image_is_left_on_disk(qtbot, started, monkeypatch, tmp_path):
    monkeypatch.setattr(fit_probe, "mkdtemp", lambda prefix: str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    probe = FitProbe()
    with qtbot.waitSignal(probe.found, timeout=20_000):
        probe.answer(question("one"))
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_failed_says_nothing():
    assert sentence_in(b"") == ""
    assert sentence_in(b'{"error": "no memory"}') == ""
    assert sentence_in(b'{"sentence": "It fits."}') == "It fits."
