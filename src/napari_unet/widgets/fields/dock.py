"""A widget that notices when its dock is closed: napari only takes it out of the dock."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.widgets.jobs.later import later

WIDTH_PX, HEIGHT_PX = 256, 320  # the least of a dock


class Dock(QWidget):
    """Holds one form; ends for good when its dock is closed."""

    title = ""  # by which the menu calls it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._was_docked = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def hold(self, form: QWidget) -> None:
        """Show a form over all of the dock."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)

    def end(self) -> None:
        """Be about to be deleted: end what runs."""

    def changeEvent(self, a0: QEvent | None) -> None:  # noqa: N802
        """Notice when the dock is closed."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() == QEvent.Type.ParentChange:
            if self.parent() is None and self._was_docked:
                later(self, self._on_dock_closed)
            elif self.parent() is not None and not self._was_docked:
                later(self, self._share_place)
            self._was_docked = self.parent() is not None

    def _share_place(self) -> None:
        """Become a tab beside our other dock, if it is where this one is: one under the other they
        are too low.
        """
        window = self.window()
        own = self.parent()
        if not isinstance(window, QMainWindow) or not isinstance(own, QDockWidget):
            return
        for other in window.findChildren(Dock):
            place = other.parent()
            if (
                other is self
                or not isinstance(place, QDockWidget)
                or place.isHidden()
                or place.isFloating()
                or own.isFloating()
            ):
                continue
            if window.dockWidgetArea(place) == window.dockWidgetArea(own):
                window.tabifyDockWidget(place, own)
                own.raise_()

    def _on_dock_closed(self) -> None:
        """End for good, unless another place took the widget in at once."""
        if self.parent() is None:
            self.end()
            self.deleteLater()
