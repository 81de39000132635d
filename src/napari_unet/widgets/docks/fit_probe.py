"""Learns whether a model may fit an image, before a run: a thread reads a part of the image, and a
child process tries the model on it, so that the window neither waits nor imports torch for it.
"""

import json
import shutil
import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from qtpy.QtCore import QObject, QProcess, QTimer, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ModelSpec
from napari_unet.progress import Control
from napari_unet.scans.scan import Scan
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.part import read_part
from napari_unet.segment.suitability.part_file import write_part
from napari_unet.segment.tiles.queue import Focus
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.jobs.job import busy, in_background
from napari_unet.widgets.jobs.threads import lower_priority, lower_priority_of
from napari_unet.widgets.viewer.focus import focus_of

# -P: nothing is imported from the current folder, whatever lies there
CHILD = ("-P", "-m", "napari_unet.segment.suitability.child")
REST_MS = 1500  # a choice that is changed sooner is not tried
SAME_VIEW_PX = 160  # half a part: a view that moves less shows about the same
Key = tuple[object, ...]


@dataclass(frozen=True)
class FitQuestion:
    """A model, the scan of the layers that are chosen, and where the user looks in it."""

    model: Path
    weights_sha256: str
    image: InputChoice
    spec: ModelSpec
    scan: Scan
    view: Focus
    settings: SegmentSettings

    @property
    def key(self) -> Key:
        """The same for questions that have the same answer, or nearly."""
        near = tuple(int(at // SAME_VIEW_PX) for at in self.view.point)
        options = (self.settings.resample, self.settings.empty_borders)
        layers = (self.image, self.scan.shape, str(self.scan.data.dtype))
        return (str(self.model), self.weights_sha256, layers, self.view.frame, near, options)


def question_of(
    viewer: Any,
    layer: Any,
    scan: Scan,
    image: InputChoice,
    entry: ModelEntry,
    settings: SegmentSettings,
) -> FitQuestion | None:
    """The question whether a model fits what is in view now; None for a file that is no model."""
    if entry.header is None:
        return None
    header = entry.header
    dimensions = header.spec.architecture.dimensions
    try:
        view = focus_of(viewer, layer, scan, image.axes, dimensions)
    except (NapariUNetError, ValueError):  # a viewer that is just changing its dimensions
        return None
    return FitQuestion(entry.path, header.weights_sha256, image, header.spec, scan, view, settings)


class FitProbe(QObject):
    """Answers one question at a time, the last that was put, and emits `found`; an answer is known
    for the rest of the session.
    """

    found = Signal()
    _part_written = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[Key, str] = {}
        self._wanted: FitQuestion | None = None
        self._running: _Reading | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._begin)
        self._process = QProcess(self)
        self._process.started.connect(self._lower_priority)
        self._process.finished.connect(self._on_process_finished)
        self._process.errorOccurred.connect(self._on_process_error)
        self._part_written.connect(self._on_part_written)
        self.destroyed.connect(self._process.kill)

    def answer(self, question: FitQuestion | None) -> str:
        """The sentence that answers a question, "" where it is not known yet; then it will be soon,
        and what was wanted before will not.
        """
        known = None if question is None else self._known.get(question.key)
        self._wanted = question if known is None else None
        if self._wanted is not None:
            self._timer.start()
        return known or ""

    def stop(self) -> None:
        """Try nothing for now, since something else computes."""
        self._wanted = None
        self._timer.stop()
        if self._running is not None:
            self._running.cancelled = True
            self._process.kill()

    def _begin(self) -> None:
        if self._wanted is None:
            return
        if self._running is not None or busy():  # both would be slower
            self._timer.start()
            return
        self._running = _Reading(self._wanted, self._part_written)
        self._wanted = None
        in_background(self._running.run)

    def _on_part_written(self, reading: "_Reading") -> None:
        """Where it could not be read, or is not wanted any more, there is no answer."""
        if reading.cancelled or reading.failed:
            self._end(reading, "")
            return
        self._process.start(sys.executable, [*CHILD, str(reading.model), str(reading.path)])

    def _lower_priority(self) -> None:
        lower_priority_of(self._process.processId())

    def _on_process_error(self, error: QProcess.ProcessError) -> None:
        # all others are followed by the end
        if error == QProcess.ProcessError.FailedToStart and self._running is not None:
            self._end(self._running, "")

    def _on_process_finished(self) -> None:
        """Where it failed, the run will say why."""
        text = bytes(self._process.readAllStandardOutput().data())
        if self._running is not None:
            self._end(self._running, sentence_in(text))

    def _end(self, reading: "_Reading", sentence: str) -> None:
        self._running = None
        reading.remove()
        if not reading.cancelled:
            self._known[reading.key] = sentence
        self.found.emit()


class _Reading:
    """Reads the part of a question into a file, in a thread, and then emits itself by a signal."""

    def __init__(self, question: FitQuestion, written: Any) -> None:
        self.key = question.key
        self.model = question.model
        self.cancelled = False
        self.failed = False
        self._question: FitQuestion | None = question
        self._written = written
        folder = mkdtemp(prefix="napari-unet-")
        self.path = Path(folder) / "part.npz"
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def run(self) -> None:
        """Read and write; whatever fails, the run will say why."""
        lower_priority()
        try:
            self._write()
        except Exception:
            self.failed = True
        self._question = None  # the image is let go
        with suppress(RuntimeError):  # the dock has been closed
            self._written.emit(self)

    def remove(self) -> None:
        """Remove the file, which holds a part of the user's image."""
        self._remove()

    def _write(self) -> None:
        if (put := self._question) is not None:
            part = read_part(put.scan, put.spec, put.settings, put.view, self._control)
            write_part(self.path, part)

    def _control(self) -> Control:
        return Control.CANCEL if self.cancelled else Control.CONTINUE


def sentence_in(text: bytes) -> str:
    """The sentence in what a child printed; "" where it failed."""
    try:
        return str(json.loads(text)["sentence"])
    except (ValueError, KeyError, TypeError):
        return ""
