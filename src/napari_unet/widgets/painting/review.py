"""What the user calls right: a slice, a region, a layer; refused where nothing was computed."""

from typing import Any

from napari.layers import Labels

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.widgets.arrays.block_grid import Box, inside, is_empty, whole
from napari_unet.widgets.painting.tracked_layers import track
from napari_unet.widgets.viewer.computed import all_computed
from napari_unet.widgets.viewer.focus import is_flat
from napari_unet.widgets.viewer.labels_facts import shown_box

FLAT_ONLY = (
    "A slice can be called right in the 2D view; switch to it with the cube "
    "button below the layer list."
)
NOT_COMPUTED = (
    "can not be called right: some of it was never computed, and what is not computed is not "
    "background. Segment it first."
)
OUTSIDE = "The region lies outside the labels. Draw it over them."


def slice_is_right(viewer: Any, layer: Labels) -> str:
    """Trust all of the slice that is shown, and return what was done in a sentence.

    Raises `ScanError` where part of it was never computed.
    """
    if not is_flat(viewer):
        raise ScanError(FLAT_ONLY)
    box = shown_box(layer)
    return _review(layer, box, _slice_words(layer, box))


def region_is_right(layer: Labels, box: Box) -> str:
    """Trust all of a box of voxels; raises `ScanError` where part of it was never computed."""
    box = inside(box, layer.data.shape)
    if is_empty(box):
        raise ScanError(OUTSIDE)
    return _review(layer, box, "This region")


def layer_is_right(layer: Labels) -> str:
    """Trust a whole layer, such as ground truth brought from elsewhere; raises `ScanError` where
    part was never computed.
    """
    return _review(layer, whole(layer.data.shape), f"The layer {layer.name}")


def _review(layer: Labels, box: Box, what: str) -> str:
    trust = track(layer)
    if not all_computed(layer, box):
        raise ScanError(f"{what} {NOT_COMPUTED}")
    trust.mark(box, REVIEWED)
    return f"{what} is trusted as it is now."


def _slice_words(layer: Labels, box: Box) -> str:
    indices = [
        str(part.start)
        for part, n in zip(box, layer.data.shape, strict=True)
        if n > 1 and part.stop - part.start == 1
    ]
    return f"Slice {', '.join(indices)}" if indices else "This slice"
