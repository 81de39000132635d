"""Has a model measured by a child process, where no run tells yet how long it takes; the window imports no torch for that."""

import os
import sys
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QTimer, Signal

from napari_unet.widgets.job_threads import BACKGROUND_NICENESS

REST_MS = 1000  # what is chosen in passing is not measured


class ModelProbe(QObject):
    """Runs `models measure` once for each choice of a session that it is asked about, one at a time, and emits `found`."""

    found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tried: set[tuple[str, ...]] = set()
        self._wanted: tuple[str, ...] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._begin)
        self._process = QProcess(self)
        self._process.started.connect(self._give_way)
        self._process.finished.connect(self._on_process_finished)
        self.destroyed.connect(self._process.kill)

    def ask(self, model: Path, device: str, engine: str, precision: str) -> None:
        """Measure this soon, in place of what was asked for before."""
        words = (str(model), "--device", device, "--engine", engine, "--precision", precision)
        self._wanted = None if words in self._tried else words
        if self._wanted is not None:
            self._timer.start()

    def stop(self) -> None:
        """Measure nothing for now: something else computes."""
        self._wanted = None
        self._timer.stop()
        self._process.kill()

    def _begin(self) -> None:
        if self._wanted is None or self._process.state() != QProcess.ProcessState.NotRunning:
            return
        words, self._wanted = self._wanted, None
        self._tried.add(words)
        self._process.start(sys.executable, ["-m", "napari_unet", "models", "measure", *words])

    def _give_way(self) -> None:
        """Let the child run after the window."""
        if sys.platform != "win32" and (number := self._process.processId()):
            try:
                os.setpriority(os.PRIO_PROCESS, number, BACKGROUND_NICENESS)
            except ProcessLookupError:  # it has ended already
                return

    def _on_process_finished(self) -> None:
        """Where it failed, the run will say why."""
        self.found.emit()
