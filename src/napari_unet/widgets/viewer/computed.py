"""Which parts of a result have been computed, from the done-map in its metadata."""

import numpy as np
from napari.layers import Labels

from napari_unet.widgets.arrays.block_grid import Box
from napari_unet.widgets.arrays.done_map import done_within
from napari_unet.widgets.viewer.layer_facts import own_facts


def computed_mask(layer: Labels, box: Box) -> np.ndarray | None:
    """Which voxels of a box have been computed; None for all, as in a layer that is no result of
    ours.
    """
    facts = own_facts(layer)
    done = facts.get("done_map")
    if done is None or facts.get("complete") or np.ndim(done) != layer.ndim:
        return None
    mask = done_within(np.asarray(done), layer.data.shape, box)
    return None if mask.all() else mask


def all_computed(layer: Labels, box: Box) -> bool:
    """Whether all of a box has been computed."""
    return computed_mask(layer, box) is None
