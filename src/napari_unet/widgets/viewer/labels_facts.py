"""Facts of one Labels layer: its class names, the slice that is shown, a copy of its array."""

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.mapped_array import zeros
from napari_unet.words import without_guard

COPY_VOXELS = 2**22
MOST_COPIED_BYTES = 2**31


def class_names(layer: Labels) -> list[str]:
    """The names of the classes by label, as the layer has them."""
    table = layer.features
    if "class" not in table or "index" not in table:
        return []
    named = {
        label: name
        for label, name in zip(table["index"], table["class"], strict=True)
        if name and name == name  # a missing name may be NaN, which differs from itself
    }
    return [
        without_guard(str(named.get(label, f"label {label}")))
        for label in range(int(max(named, default=-1)) + 1)
    ]


def shown_box(layer: Labels) -> Box:
    """The slice of a layer that is displayed, as a box of its voxels."""
    # what the layer last drew, which may lag behind the viewer's sliders and is what the user sees
    point = layer.world_to_data(layer._slice_input.world_slice.point)
    parts = []
    for axis, n in enumerate(layer.data.shape):
        at = int(np.clip(round(float(point[axis])), 0, n - 1))
        parts.append(slice(0, n) if axis in layer._slice_input.displayed else slice(at, at + 1))
    return tuple(parts)


def copy_of(labels: Any) -> np.ndarray | None:
    """A copy of an array in memory or of a mapped file; none of what is very large, or read lazily
    and may be of any size.
    """
    if not isinstance(labels, np.ndarray) or labels.nbytes > MOST_COPIED_BYTES:
        return None
    copy = zeros(labels.shape, labels.dtype)
    for box in boxes(labels.shape, COPY_VOXELS):
        if (part := labels[box]).any():  # zeros take no room while nothing is written over them
            copy[box] = part
    return copy
