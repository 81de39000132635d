"""What can be asked of a Labels layer: its classes, the slice that is shown, a copy of its array."""

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.mapped_array import zeros

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
        if name and name == name
    }
    return [
        str(named.get(label, f"label {label}")) for label in range(int(max(named, default=-1)) + 1)
    ]


def shown_box(layer: Labels) -> Box:
    """The slice of a layer that is displayed."""
    point = layer.world_to_data(layer._slice_input.world_slice.point)
    places = []
    for axis, n in enumerate(layer.data.shape):
        at = int(np.clip(round(float(point[axis])), 0, n - 1))
        places.append(slice(0, n) if axis in layer._slice_input.displayed else slice(at, at + 1))
    return tuple(places)


def copy_of(labels: Any) -> np.ndarray | None:
    """A copy of an array in memory or of a mapped file; none of what is very large, or read lazily
    and may be of any size.
    """
    if not isinstance(labels, np.ndarray) or labels.nbytes > MOST_COPIED_BYTES:
        return None
    copy = zeros(labels.shape, labels.dtype)
    for box in boxes(labels.shape, COPY_VOXELS):
        if (part := labels[box]).any():
            copy[box] = part
    return copy
