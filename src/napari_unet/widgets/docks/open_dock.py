"""Opens another dock of ours, as the menu does."""

from typing import Any

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_unet.widgets.docks.docked import Docked
from napari_unet.widgets.viewer.layer_list import is_open
from napari_unet.widgets.viewer.preferences import PLUGIN


def open_dock(viewer: Any, title: str) -> Any:
    """The dock of this title in the viewer's window, brought to the front, opened where it is not;
    None without a window.
    """
    if not is_open(viewer) or not hasattr(viewer, "window"):
        return None
    window = viewer.window._qt_window
    if _find(window, title) is None:
        _open(viewer, title)
    widget = _find(window, title)
    dock = widget.parent() if widget is not None else None
    if isinstance(dock, QDockWidget):
        dock.show()
        dock.raise_()
    return widget


def _find(window: QWidget, title: str) -> Docked | None:
    return next((dock for dock in window.findChildren(Docked) if dock.title == title), None)


def _open(viewer: Any, title: str) -> None:
    """By the menu's command, so that the menu knows of it; it acts on the window that was active
    last.
    """
    from napari import current_viewer
    from napari._app_model import get_app_model

    if getattr(current_viewer(), "__wrapped__", current_viewer()) is viewer:
        command = f"{PLUGIN}.{title.lower().replace('-', '')}"
        get_app_model().commands.execute_command(command).result()
    else:
        viewer.window.add_plugin_dock_widget(PLUGIN, title)
