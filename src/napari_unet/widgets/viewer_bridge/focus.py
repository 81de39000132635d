"""Where the user looks: the point that is segmented first, and the part that may be all that is segmented."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_unet.errors import ScanError
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.widgets.viewer_bridge.layer_facts import finest

FLAT_ONLY = "Visible region only works in the 2D view; switch to it with the cube button below the layer list, or turn the option off."


@dataclass(frozen=True)
class Looked:
    """A frame and a point in its voxels."""

    frame: Index
    point: tuple[float, ...]


def focus_of(viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int) -> Looked:
    """The frame and the point in the middle of the canvas; `axes` are the layer's letters."""
    place = dict(zip(axes, _middle(viewer, layer, viewer.dims.displayed), strict=False))
    frame = tuple(_inside(place[a], n) for a, n in zip(scan.grid_axes(dimensions), scan.grid_shape(dimensions), strict=True))
    point = tuple(float(place[a]) for a in scan.frame_axes(dimensions))
    return Looked(frame, point)


def part_in_view(
    viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int, slice_only: bool, view_only: bool
) -> tuple[list[Index] | None, Slices | None]:
    """The frames and the region of each that options leave over; None for all."""
    if not (slice_only or view_only):
        return None, None
    view = _ranges(viewer, layer, axes, slice_only, view_only)
    whole = {letter: slice(0, n) for letter, n in zip(scan.result_axes, scan.result_shape, strict=True)}
    grid = [view.get(a, whole[a]) for a in scan.grid_axes(dimensions)]
    frames = [index for index in scan.frames(dimensions) if all(i in range(p.start, p.stop) for i, p in zip(index, grid, strict=True))]
    return frames, tuple(view.get(a, whole[a]) for a in scan.frame_axes(dimensions))


def slice_shown(viewer: Any, layer: Any) -> Index:
    """The voxel of a layer in the middle of the canvas."""
    return tuple(_inside(place, n) for place, n in zip(_middle(viewer, layer, viewer.dims.displayed), layer.data.shape, strict=True))


def _ranges(viewer: Any, layer: Image, axes: str, slice_only: bool, view_only: bool) -> dict[str, slice]:
    if view_only and viewer.dims.ndisplay != 2:
        raise ScanError(FLAT_ONLY)
    flat = viewer.dims.order[-2:]  # what the 2D view shows, or would
    middle, lengths = _middle(viewer, layer, flat), finest(layer).shape
    shown = {axis - (viewer.dims.ndim - layer.ndim) for axis in flat}
    low, high = np.add(layer.corner_pixels, [[0], [1]]) * (layer.downsample_factors[layer.data_level] if layer.multiscale else 1)
    ranges = {}
    for number, letter in enumerate(axes[: layer.ndim]):
        if number in shown and view_only:
            ranges[letter] = slice(max(0, int(low[number])), min(lengths[number], int(high[number])))
        elif number not in shown and slice_only:
            here = _inside(middle[number], lengths[number])
            ranges[letter] = slice(here, here + 1)
    return ranges


def _middle(viewer: Any, layer: Layer, shown: Sequence[int]) -> np.ndarray:
    """The middle of the canvas on these axes, the sliders' places on the others, in voxels of the layer."""
    point = np.array(viewer.dims.point, dtype=float)
    point[list(shown)] = np.asarray(viewer.scene.camera.center)[-len(shown) :]
    return np.asarray(layer.world_to_data(point))


def _inside(position: float, length: int) -> int:
    return int(np.clip(round(position), 0, length - 1))
