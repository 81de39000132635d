"""Measures a model in a child process, where no run has shown yet how long it takes; so the window
imports no torch for it.
"""

import sys
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QTimer, Signal

from napari_unet.widgets.jobs.job import busy
from napari_unet.widgets.jobs.threads import lower_priority_of

# -P: nothing is imported from the current folder, whatever lies there
MEASURE = ("-P", "-m", "napari_unet", "models", "measure")
REST_MS = 1000  # a choice that is changed sooner is not measured


class ModelProbe(QObject):
    """Runs `models measure` once for each choice of model, device, engine and precision in a
    session, one at a time, and emits `found`.
    """

    found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tried: set[tuple[str, ...]] = set()
        self._wanted: tuple[str, ...] | None = None
        self._voxels = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._begin)
        self._process = QProcess(self)
        self._running: tuple[str, ...] | None = None
        self._process.started.connect(self._lower_priority)
        self._process.finished.connect(self._on_process_finished)
        self._process.errorOccurred.connect(self._on_process_error)
        self.destroyed.connect(self._process.kill)

    def ask(self, model: Path, device: str, engine: str, precision: str, voxels: int) -> None:
        """Measure this soon, on a window of so many voxels, in place of what is not begun yet."""
        words = (str(model), "--device", device, "--engine", engine, "--precision", precision)
        self._voxels = voxels
        self._wanted = None if words in self._tried else words
        if self._wanted is not None:
            self._timer.start()

    def stop(self) -> None:
        """Measure nothing for now, since something else computes."""
        self._wanted = None
        self._timer.stop()
        if self._running is not None:
            self._tried.discard(self._running)
            self._process.kill()

    def _begin(self) -> None:
        if self._wanted is None:
            return
        if self._running is not None or busy():  # both would be slower, and what is measured too
            self._timer.start()
            return
        self._running = self._wanted
        self._wanted = None
        self._tried.add(self._running)
        self._process.start(
            sys.executable, [*MEASURE, *self._running, "--voxels", str(self._voxels)]
        )

    def _lower_priority(self) -> None:
        lower_priority_of(self._process.processId())

    def _on_process_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # all others are followed by the end
            self._running = None

    def _on_process_finished(self) -> None:
        """Where it failed, the run will say why."""
        self._running = None
        self.found.emit()
