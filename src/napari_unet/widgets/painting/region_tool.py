"""A box drawn on the canvas: "this region is right"."""

import weakref
from typing import Any, ClassVar

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.widgets.arrays.block_grid import Box
from napari_unet.widgets.painting.review import region_is_right
from napari_unet.widgets.viewer.focus import is_flat
from napari_unet.widgets.viewer.layer_list import (
    add_layer,
    follow_removals,
    in_viewer,
    is_open,
    remove_in_turn,
    select,
)
from napari_unet.widgets.viewer.own_layers import region_layer

NAME = "Draw a box around what is right"
FLAT_ONLY = (
    "A region is drawn in the 2D view; switch to it with the cube button below the layer list."
)


class RegionTool(QObject):
    """Waits for one rectangle on a layer of its own, marks what lies within as right, and removes
    that layer.

    Signals: `done` or `refused`, each with a sentence.
    """

    done = Signal(str)
    refused = Signal(str)

    _alive: ClassVar[set["RegionTool"]] = set()  # while it waits, nobody else holds it

    def __init__(self, viewer: Any, layer: Labels) -> None:
        """Select the rectangle tool; raises `ScanError` in the 3D view."""
        super().__init__()
        if not is_flat(viewer):
            raise ScanError(FLAT_ONLY)
        self._viewer = weakref.ref(viewer)
        self._layer = weakref.ref(layer)
        shapes = region_layer(layer, NAME)
        add_layer(viewer, shapes)
        self._shapes = weakref.ref(shapes)
        shapes.mode = "add_rectangle"
        shapes.events.data.connect(self._on_shapes_data)
        follow_removals(viewer, self._on_layer_removed)
        self._alive.add(self)

    def give_up(self) -> None:
        """End without a region: select the labels again, and remove the tool's layer."""
        viewer: Any = self._viewer()
        layer = self._layer()
        self._alive.discard(self)
        if is_open(viewer):
            if layer is not None and in_viewer(viewer, layer):
                select(viewer, layer)
            remove_in_turn(viewer, [self._shapes()])

    def _on_shapes_data(self, event: Any) -> None:
        if str(getattr(event, "action", "")) == "added":
            QTimer.singleShot(0, self._take)  # when napari has finished drawing

    def _take(self) -> None:
        """Mark the voxels within the last rectangle as right."""
        shapes = self._shapes()
        layer = self._layer()
        if self not in self._alive:
            return
        drawn = list(shapes.data) if shapes is not None else []
        self.give_up()
        if layer is None or not drawn:
            return
        try:
            self.done.emit(region_is_right(layer, drawn_box(drawn[-1])))
        except NapariUNetError as error:
            self.refused.emit(str(error))

    def _on_layer_removed(self, event: Any) -> None:
        """End when either layer is deleted."""
        if event.value is self._shapes():
            self._alive.discard(self)
        elif event.value is self._layer():
            self.give_up()


def drawn_box(corners: np.ndarray) -> Box:
    """The voxels whose centres lie within a drawn rectangle, in the slice in which it was drawn."""
    low = np.asarray(corners, float).min(axis=0)
    high = np.asarray(corners, float).max(axis=0)
    flat = np.isclose(low, high)
    starts = np.where(flat, np.round(low), np.ceil(low)).astype(int)
    stops = np.where(flat, np.round(low), np.floor(high)).astype(int) + 1
    return tuple(
        slice(max(0, int(start)), max(0, int(stop)))
        for start, stop in zip(starts, stops, strict=True)
    )
