"""A signal when the user looks elsewhere, once the view has come to rest."""

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.widgets.viewer.focus import view_events

REST_MS = 500


class ViewMoves(QObject):
    """Emits `rested` after the camera or the sliders of a viewer were moved."""

    rested = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.rested)
        for event in view_events(viewer):
            event.connect(self._on_view_moved)

    def _on_view_moved(self) -> None:
        self._timer.start()
