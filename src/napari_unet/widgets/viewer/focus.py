"""Where the user looks: the point around which tiles come first, the part in view, its moves."""

import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.tiles.queue import Focus
from napari_unet.widgets.viewer.layer_facts import finest
from napari_unet.widgets.viewer.layer_list import in_viewer

REST_MS = 500
FLAT_ONLY = (
    "Visible region only works in the 2D view; switch to it with the cube button below the layer "
    "list, or turn the option off."
)


def focus_of(viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int) -> Focus:
    """The frame and the point in the middle of the canvas; `axes` are the layer's letters."""
    middle = dict(zip(axes, _middle(viewer, layer, viewer.dims.displayed), strict=False))
    frame = tuple(
        _inside(middle[a], n)
        for a, n in zip(scan.grid_axes(dimensions), scan.grid_shape(dimensions), strict=True)
    )
    point = tuple(float(middle[a]) for a in scan.frame_axes(dimensions))
    return Focus(frame, point)


def part_in_view(
    viewer: Any,
    layer: Image,
    scan: Scan,
    axes: str,
    dimensions: int,
    slice_only: bool,
    view_only: bool,
) -> tuple[list[Index] | None, Slices | None]:
    """The frames, and the region of each, that are left by "this slice only" and "visible region
    only"; None for all.
    """
    if not (slice_only or view_only):
        return None, None
    view = _ranges(viewer, layer, axes, slice_only, view_only)
    whole = {
        letter: slice(0, n) for letter, n in zip(scan.result_axes, scan.result_shape, strict=True)
    }
    grid = [view.get(a, whole[a]) for a in scan.grid_axes(dimensions)]
    frames = [
        index
        for index in scan.frames(dimensions)
        if all(i in range(p.start, p.stop) for i, p in zip(index, grid, strict=True))
    ]
    return frames, tuple(view.get(a, whole[a]) for a in scan.frame_axes(dimensions))


def is_flat(viewer: Any) -> bool:
    """Whether the viewer shows its 2D view."""
    return bool(viewer.dims.ndisplay == 2)


def slice_shown(viewer: Any, layer: Any) -> Index:
    """The voxel of a layer in the middle of the canvas."""
    middle = _middle(viewer, layer, viewer.dims.displayed)
    return tuple(_inside(at, n) for at, n in zip(middle, layer.data.shape, strict=True))


def _ranges(
    viewer: Any, layer: Image, axes: str, slice_only: bool, view_only: bool
) -> dict[str, slice]:
    """The part of each of the layer's axes that the options leave; an axis that is whole is not in
    it.
    """
    if view_only and not is_flat(viewer):
        raise ScanError(FLAT_ONLY)
    flat = viewer.dims.order[-2:]  # what the 2D view shows, or would
    middle = _middle(viewer, layer, flat)
    lengths = finest(layer).shape
    shown = {axis - (viewer.dims.ndim - layer.ndim) for axis in flat}  # of the layer's own axes
    # napari keeps the corners in pixels of the level that it shows, both inclusive
    factors = layer.downsample_factors[layer.data_level] if layer.multiscale else 1
    low, high = np.add(layer.corner_pixels, [[0], [1]]) * factors
    ranges = {}
    for number, letter in enumerate(axes[: layer.ndim]):
        if number in shown and view_only:
            ranges[letter] = slice(
                max(0, int(low[number])), min(lengths[number], int(high[number]))
            )
        elif number not in shown and slice_only:
            here = _inside(middle[number], lengths[number])
            ranges[letter] = slice(here, here + 1)
    return ranges


def _middle(viewer: Any, layer: Layer, shown: Sequence[int]) -> np.ndarray:
    """The middle of the canvas on the axes that are shown, the sliders' positions on the others, in
    voxels of the layer.
    """
    point = np.array(viewer.dims.point, dtype=float)
    point[list(shown)] = np.asarray(viewer.scene.camera.center)[-len(shown) :]
    return np.asarray(layer.world_to_data(point))


def _inside(position: float, length: int) -> int:
    return int(np.clip(round(position), 0, length - 1))


class ViewFocus:
    """Follows the camera and the sliders of a viewer; `now` is the frame and the point in the
    middle of the canvas.
    """

    def __init__(self, viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int) -> None:
        """`axes` are the layer's letters, `dimensions` those of a frame."""
        self.now: Focus = focus_of(viewer, layer, scan, axes, dimensions)
        self._viewer = weakref.ref(viewer)
        self._layer = weakref.ref(layer)
        self._scan: Scan | None = scan
        self._axes = axes
        self._dimensions = dimensions
        for event in view_events(viewer):
            event.connect(self._on_view_moved)

    def stop(self) -> None:
        """End following, and let the image go."""
        self._scan = None
        if (viewer := self._viewer()) is not None:
            for event in view_events(viewer):
                event.disconnect(self._on_view_moved)

    def _on_view_moved(self) -> None:
        viewer: Any = self._viewer()
        layer = self._layer()
        if self._scan is None or layer is None or not in_viewer(viewer, layer):
            return
        # a viewer that is just changing its dimensions is followed from its next move on
        with suppress(NapariUNetError, ValueError):
            self.now = focus_of(viewer, layer, self._scan, self._axes, self._dimensions)


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


def view_events(viewer: Any) -> tuple[Any, ...]:
    """The events of a viewer after which the user looks elsewhere."""
    return (
        viewer.scene.camera.events.center,
        viewer.dims.events.point,
        viewer.dims.events.order,
        viewer.dims.events.ndisplay,
    )
