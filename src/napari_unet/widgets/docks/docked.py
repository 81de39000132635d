"""A widget that notices when its dock is closed: napari only takes it out of the dock."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.widgets.jobs.later import later


class Docked(QWidget):
    """Holds one form; ends for good when its dock is closed."""

    title = ""  # as the menu has it

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
        """End what runs, since the widget is about to be deleted."""

    def changeEvent(self, a0: QEvent | None) -> None:  # noqa: N802
        """Notice when the dock is closed."""
        super().changeEvent(a0)
        if a0 is None or a0.type() != QEvent.Type.ParentChange:
            return
        has_parent = self.parent() is not None
        if self._was_docked and not has_parent:
            later(self, self._on_dock_closed)
        elif has_parent and not self._was_docked:
            later(self, self._share_area)
        self._was_docked = has_parent

    def _share_area(self) -> None:
        """Become a tab beside our other docks of the same area: one under the other they are too
        low.
        """
        window = self.window()
        own = self.parent()
        if not isinstance(window, QMainWindow) or not isinstance(own, QDockWidget):
            return
        for other in window.findChildren(Docked):
            dock = other.parent()
            if other is self or not isinstance(dock, QDockWidget) or dock.isHidden():
                continue
            if _can_be_tabs(window, dock, own):
                window.tabifyDockWidget(dock, own)
                own.raise_()

    def _on_dock_closed(self) -> None:
        """End for good, unless another parent took the widget in at once, as when napari moves a
        dock.
        """
        if self.parent() is None:
            self.end()
            self.deleteLater()


def _can_be_tabs(window: QMainWindow, one: QDockWidget, other: QDockWidget) -> bool:
    if one.isFloating() or other.isFloating():
        return False
    return window.dockWidgetArea(one) == window.dockWidgetArea(other)
