"""Where two models disagree, as a layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.scans.scan import Scan
from napari_unet.widgets.arrays.mapped_array import zeros
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import placement

if TYPE_CHECKING:  # it imports torch
    from napari_unet.learn.judging.regions import ChangedRegion

COLOUR = "#ff3ea5"
OPACITY = 0.7


def show_changes(
    viewer: Any, image: Image, axes: str, scan: Scan, changes: "Sequence[ChangedRegion]"
) -> Labels:
    """Add a layer over an image that is 1 where two models disagree, in the regions that they were
    compared in.
    """
    marks = zeros(scan.result_shape, np.uint8)
    for change in changes:
        mask = scan.to_place(change.mask.astype(np.uint8))
        marks[scan.place(change.frame, change.slices)] = mask
    layer = Labels(
        marks,
        name=f"{image.name} · changes",
        opacity=OPACITY,
        colormap=DirectLabelColormap(color_dict={0: "transparent", 1: COLOUR, None: COLOUR}),
        features={"index": [0, 1], "class": ["as before", "changed"]},
        metadata={MARK: {"kind": "changes"}},
        **placement(image, axes),
    )
    layer.editable = False
    return viewer.add_layer(layer)
