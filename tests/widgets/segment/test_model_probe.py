"""A model is measured by a child process: the last choice, once, and not while something else
computes.
"""

from pathlib import Path

import pytest
from qtpy.QtCore import QProcess

from napari_unet.widgets.segment import model_probe
from napari_unet.widgets.segment.model_probe import ModelProbe

ONE = Path("/models/one")
OTHER = Path("/models/other")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words of the children, which live as long as they are not killed, if their model is the
    other one.
    """
    monkeypatch.setattr(model_probe, "REST_MS", 10)
    begun: list[list[str]] = []
    start = QProcess.start

    def instead(process: QProcess, program: str, words: list[str]) -> None:
        begun.append(words)
        start(
            process, program, ["-c", f"import time; time.sleep({60 if str(OTHER) in words else 0})"]
        )

    monkeypatch.setattr(model_probe.QProcess, "start", instead)
    return begun


def words_of(model: Path, engine: str = "auto") -> list[str]:
    settings = ["--device", "cpu", "--engine", engine, "--precision", "float32", "--voxels", "1000"]
    return ["-P", "-m", "napari_unet", "models", "measure", str(model), *settings]


def test_the_last_choice_is_measured_once(qtbot, started):
    probe = ModelProbe()
    probe.ask(OTHER, "cpu", "auto", "float32", 1000)
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.ask(ONE, "cpu", "auto", "float32", 1000)
    assert started == [words_of(ONE)]
    probe.ask(ONE, "cpu", "auto", "float32", 1000)
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.ask(ONE, "cpu", "torch", "float32", 1000)
    assert started == [words_of(ONE), words_of(ONE, "torch")]


def test_it_ends_when_something_else_computes(qtbot, started):
    probe = ModelProbe()
    probe.ask(OTHER, "cpu", "auto", "float32", 1000)
    qtbot.waitUntil(lambda: probe.findChild(QProcess).state() == QProcess.ProcessState.Running)
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.stop()
    probe.ask(ONE, "cpu", "auto", "float32", 1000)
    probe.stop()
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.ask(ONE, "cpu", "torch", "float32", 1000)
    assert started == [words_of(OTHER), words_of(ONE, "torch")]
    probe.ask(OTHER, "cpu", "auto", "float32", 1000)  # which came to no end
    qtbot.waitUntil(lambda: len(started) == 3, timeout=5000)
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.stop()


def test_it_waits_while_a_job_runs(qtbot, started, monkeypatch):
    running = [True, True, False]
    monkeypatch.setattr(model_probe, "busy", lambda: running.pop(0))
    probe = ModelProbe()
    with qtbot.waitSignal(probe.found, timeout=10_000):
        probe.ask(ONE, "cpu", "auto", "float32", 1000)
    assert running == []
    assert started == [words_of(ONE)]


def test_a_python_that_can_not_be_started_keeps_nothing_from_the_next(qtbot, monkeypatch):
    monkeypatch.setattr(model_probe, "REST_MS", 10)
    monkeypatch.setattr(model_probe.sys, "executable", "/nowhere/python")
    probe = ModelProbe()
    with qtbot.waitSignal(probe.findChild(QProcess).errorOccurred, timeout=10_000):
        probe.ask(ONE, "cpu", "auto", "float32", 1000)
    with qtbot.waitSignal(probe.findChild(QProcess).errorOccurred, timeout=10_000):
        probe.ask(OTHER, "cpu", "auto", "float32", 1000)
