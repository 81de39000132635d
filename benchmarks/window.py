"""What the window benchmarks share: a viewer, the Segment dock, a real click, and clocks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari import Viewer
from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.segment.dock import SegmentWidget

BEAT_MS = 10


@dataclass
class Heart:
    """A timer that should beat every 10 ms on the main thread; what it remembers is how far apart
    its beats were.
    """

    gaps_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin to beat."""
        self._last = time.perf_counter()
        self._timer.start(BEAT_MS)

    def stop(self) -> dict[str, float]:
        """Stop; the figures are milliseconds between beats."""
        self._timer.stop()
        gaps = np.array(self.gaps_ms)
        p99 = float(np.percentile(gaps, 99))
        longest = float(gaps.max())
        return {
            "beats": len(gaps),
            "median": round(float(np.median(gaps)), 1),
            "p99": round(p99, 1),
            "longest": round(longest, 1),
        }

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps_ms.append((now - self._last) * 1000)
        self._last = now


def open_dock(image: Any, canvas: bool) -> tuple[Viewer, SegmentWidget]:
    """A viewer with an image and the Segment dock; with `canvas` off, the canvas is not drawn."""
    viewer = Viewer()
    viewer.add_image(image, name="scan", contrast_limits=(0, 255), multiscale=False)
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment")
    if not canvas:
        viewer.window._qt_window.centralWidget().hide()
    settle(1.0)
    return viewer, widget


def click_segment(widget: SegmentWidget) -> None:
    """A real click on the real button."""
    button = widget.form.bar.run_button
    if not button.isEnabled():
        raise SystemExit(f"The Segment button is off: {button.toolTip()}")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for(signal: Any, timeout_s: float) -> None:
    """Run the event loop until a signal comes."""
    loop = QEventLoop()
    signal.connect(loop.quit)
    QTimer.singleShot(int(timeout_s * 1000), loop.quit)
    loop.exec()


def wait_until(true: Callable[[], bool], timeout_s: float) -> None:
    """Run the event loop until a condition holds."""
    end = time.perf_counter() + timeout_s
    while not true() and time.perf_counter() < end:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)


def wait_for_drawing(viewer: Viewer, timeout_s: float) -> None:
    """Run the event loop until the canvas has been drawn once more."""
    drawings: list[object] = []
    events = viewer.window._qt_viewer.canvas._scene_canvas.events
    events.draw.connect(drawings.append, position="last")
    wait_until(lambda: bool(drawings), timeout_s)
    events.draw.disconnect(drawings.append)


def settle(seconds: float) -> None:
    """Let the window finish what it has begun."""
    wait_until(lambda: False, seconds)
