"""Where the user looks while a run goes on: written by the main thread, read by the worker's."""

import weakref
from contextlib import suppress
from typing import Any

from napari.layers import Image

from napari_unet.errors import NapariUNetError
from napari_unet.scans.scan import Scan
from napari_unet.widgets.viewer_bridge.focus import Looked, focus_of
from napari_unet.widgets.viewer_bridge.removal import is_open


class ViewFocus:
    """Follows the camera and the sliders of a viewer; `now` is the frame and the point in the middle of the canvas."""

    def __init__(self, viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int) -> None:
        """`axes` are the layer's letters, `dimensions` those of a frame."""
        self.now: Looked = focus_of(viewer, layer, scan, axes, dimensions)
        self._viewer, self._layer = weakref.ref(viewer), weakref.ref(layer)
        self._scan: Scan | None = scan
        self._axes, self._dimensions = axes, dimensions
        for event in _events(viewer):
            event.connect(self._on_view_moved)

    def stop(self) -> None:
        """Follow no more, and let the image go."""
        self._scan = None
        if (viewer := self._viewer()) is not None:
            for event in _events(viewer):
                event.disconnect(self._on_view_moved)

    def _on_view_moved(self) -> None:
        viewer: Any = self._viewer()
        layer = self._layer()
        if self._scan is None or layer is None or not is_open(viewer) or layer not in viewer.layers:
            return
        with suppress(NapariUNetError, ValueError):  # a viewer that is just changing its dimensions is followed from the next move on
            self.now = focus_of(viewer, layer, self._scan, self._axes, self._dimensions)


def _events(viewer: Any) -> tuple[Any, ...]:
    return viewer.scene.camera.events.center, viewer.dims.events.point, viewer.dims.events.order, viewer.dims.events.ndisplay
