"""A call when the event loop has had a turn, that does not outlive its owner."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def later(owner: QObject, slot: Callable[[], None], wait_ms: int = 0) -> None:
    """Call `slot` once, unless `owner` is deleted first; a free single shot would call into it all
    the same.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    timer.timeout.connect(timer.deleteLater)
    timer.start(wait_ms)
