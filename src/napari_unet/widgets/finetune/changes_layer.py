"""Where two models decide otherwise, as a layer."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.widgets.arrays.mapped_array import zeros
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import placement

COLOUR = "#ff3ea5"
OPACITY = 0.7


class Changed(Protocol):
    """A region of a frame, and where in it the two disagree."""

    @property
    def frame(self) -> Index:
        """Which frame of the scan."""

    @property
    def region(self) -> Slices:
        """Which part of it."""

    @property
    def mask(self) -> np.ndarray:
        """True where the two disagree."""


def show_changes(
    viewer: Any, image: Image, axes: str, scan: Scan, changes: Sequence[Changed]
) -> Labels:
    """Put a layer over an image that is 1 where two models disagree, in the regions that were
    looked at.
    """
    marks = zeros(scan.result_shape, np.uint8)
    for change in changes:
        marks[scan.place(change.frame, change.region)] = scan.to_place(change.mask.astype(np.uint8))
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
