"""Opens another dock of ours, as the menu does."""

from typing import Any

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_unet.widgets.preferences import PLUGIN
from napari_unet.widgets.viewer_bridge.removal import is_open


def open_dock(viewer: Any, kind: type[QWidget], name: str) -> Any:
    """The widget of this kind in the viewer's window, brought to the front, opened where it is not; None without a window."""
    if not is_open(viewer) or not hasattr(viewer, "window"):
        return None
    window = viewer.window._qt_window
    if window.findChild(kind) is None:
        _open(viewer, name)
    widget = window.findChild(kind)
    dock = widget.parent() if widget is not None else None
    if isinstance(dock, QDockWidget):
        dock.show()
        dock.raise_()
    return widget


def _open(viewer: Any, name: str) -> None:
    """By the menu's command, so that the menu knows of it; it acts on the window that was active last."""
    from napari import current_viewer
    from napari._app_model import get_app_model

    if getattr(current_viewer(), "__wrapped__", current_viewer()) is viewer:
        get_app_model().commands.execute_command(f"{PLUGIN}.{name.lower().replace('-', '')}").result()
    else:
        viewer.window.add_plugin_dock_widget(PLUGIN, name)
