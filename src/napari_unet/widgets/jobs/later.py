"""A call after the next turn of the event loop, that does not outlive its owner."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def later(owner: QObject, slot: Callable[[], None], wait_ms: int = 0) -> None:
    """Call `slot` once, unless `owner` is deleted first; `QTimer.singleShot` alone would still call
    it then.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    timer.timeout.connect(timer.deleteLater)
    timer.start(wait_ms)
