"""Where two models disagree, as a layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.scans.scan import Scan
from napari_unet.widgets.arrays.mapped_array import zeros
from napari_unet.widgets.viewer.layer_list import add_layer
from napari_unet.widgets.viewer.own_layers import changes_layer
from napari_unet.widgets.viewer.placement import placement

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_unet.learn.judging.regions import ChangedRegion  # its module imports torch


def show_changes(
    viewer: Any, image: "Image", axes: str, scan: Scan, changes: "Sequence[ChangedRegion]"
) -> None:
    """Add a layer over an image that is 1 where two models disagree, in the regions that they were
    compared in.
    """
    marks = zeros(scan.result_shape, np.uint8)
    for change in changes:
        mask = scan.to_result_axes(change.mask.astype(np.uint8))
        marks[scan.result_index(change.frame, change.slices)] = mask
    add_layer(viewer, changes_layer(marks, image.name, placement(image, axes)))
