"""From image layers to a scan: attributes only, no pixel is read."""

from collections.abc import Sequence

import numpy as np
from napari.layers import Image

from napari_unet.errors import ScanError
from napari_unet.scans.scan import SPATIAL, ChannelStack, Scan
from napari_unet.widgets.records import InputChoice
from napari_unet.widgets.viewer_bridge.layer_facts import finest


def scan_from_layers(layers: Sequence[Image], choice: InputChoice) -> Scan:
    """The scan of one layer, or of several that are the channels of one.

    Raises `ScanError` where they are not of one shape, or the axes make no sense.
    """
    spatial = [axis for axis in choice.axes if axis in SPATIAL]
    spacing = choice.spacing or (1.0,) * len(spatial)
    if len(layers) > 1 and any(layer.rgb for layer in layers):
        raise ScanError("A colour layer can not be one of several channels: split it into grey layers (Split RGB in the layer's menu).")
    if len(layers) == 1:
        return Scan(finest(layers[0]), choice.axes, spacing, choice.unit, choice.rgb)
    return Scan(ChannelStack([finest(layer) for layer in layers]), "c" + choice.axes, spacing, choice.unit)


def one_place(layers: Sequence[Image]) -> bool:
    """Whether layers of one shape lie on each other, so that their pixels belong together."""
    first, *others = (layer._data_to_world.affine_matrix for layer in layers)
    return all(other.shape == first.shape and np.allclose(other, first) for other in others)
