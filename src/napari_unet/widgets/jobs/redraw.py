"""Redraws often enough to look live, and no more often than the machine can take."""

import time
from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_unet.widgets.jobs.later import later

SHORTEST_S = 0.1
SHARE = 0.2  # of the time, at most, is spent drawing


class Redraw(QObject):
    """Calls `draw` at most ten times a second; drawing takes a fifth of the time at most."""

    def __init__(self, draw: Callable[[], None]) -> None:
        super().__init__()
        self._draw = draw
        self._begun = 0.0
        self._next = 0.0
        self._drawing = False
        self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timer_timeout)

    def request(self) -> None:
        """Draw soon."""
        if self._drawing:
            self._again = True
        elif not self._timer.isActive():
            self._timer.start(max(0, round(1000 * (self._next - time.monotonic()))))

    def stop(self) -> None:
        """End drawing for good."""
        self._timer.stop()
        self._draw = _nothing

    def _on_timer_timeout(self) -> None:
        self._begun = time.monotonic()
        self._drawing = True
        self._again = False
        self._draw()
        later(self, self._on_drawn)  # comes after the canvas has been painted

    def _on_drawn(self) -> None:
        cost = time.monotonic() - self._begun
        self._next = self._begun + max(SHORTEST_S, cost / SHARE)
        self._drawing = False
        if self._again:
            self.request()


def _nothing() -> None:
    """Replace `draw` after the end."""
