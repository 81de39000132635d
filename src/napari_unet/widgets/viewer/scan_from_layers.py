"""From image layers to a scan: attributes only, no pixel is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image

from napari_unet.errors import ScanError
from napari_unet.scans.scan import SPATIAL, Scan
from napari_unet.scans.views import ChannelStack
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.viewer.layer_facts import finest

COLOURS_AMONG_CHANNELS = (
    "A colour layer can not be one of several channels: let “Channels in” be a single layer, "
    "which takes its red, green and blue, "
    "or split it into grey layers (Split RGB in the layer's menu)."
)


class FirstColours:
    """An array without its last colours (such as alpha); they are cut off when it is sliced, so
    that nothing is read before.
    """

    def __init__(self, data: Any, count: int) -> None:
        self._data = data
        self.shape = (*data.shape[:-1], count)
        self.dtype = data.dtype
        self.ndim = len(self.shape)
        chunks = getattr(data, "chunksize", None) or getattr(data, "chunks", None)
        self.chunks = None if chunks is None else (*chunks[:-1], count)

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        *rest, colours = index
        return np.asarray(self._data[(*rest, slice(0, self.shape[-1]))])[..., colours]


def scan_from_layers(layers: Sequence[Image], choice: InputChoice) -> Scan:
    """The scan of one layer, or of several that are the channels of one.

    Raises `ScanError` where they are not of one shape, or the axes make no sense.
    """
    spatial = [axis for axis in choice.axes if axis in SPATIAL]
    spacing = choice.spacing or (1.0,) * len(spatial)
    if len(layers) > 1 and any(layer.rgb for layer in layers):
        raise ScanError(COLOURS_AMONG_CHANNELS)
    if len(layers) == 1:
        return Scan(
            _channels_of(layers[0], choice.colours), choice.axes, spacing, choice.unit, choice.rgb
        )
    return Scan(
        ChannelStack([finest(layer) for layer in layers]), "c" + choice.axes, spacing, choice.unit
    )


def _channels_of(layer: Image, colours: int) -> Any:
    data = finest(layer)
    return FirstColours(data, colours) if layer.rgb and 0 < colours < data.shape[-1] else data


def are_aligned(layers: Sequence[Image]) -> bool:
    """Whether layers of one shape lie exactly on each other, pixel for pixel."""
    first, *others = (layer._data_to_world.affine_matrix for layer in layers)
    return all(other.shape == first.shape and np.allclose(other, first) for other in others)
