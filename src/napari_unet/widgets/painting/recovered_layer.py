"""A layer of recovered strokes: labels and trust as they were, under a hatching where nothing was
saved.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_unet.learn.journal.stroke_journal import Recovered
from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.arrays.block_grid import whole
from napari_unet.widgets.arrays.done_map import DoneMap, done_within
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.painting.correcting import correct, unpack_done
from napari_unet.widgets.viewer.class_colours import class_keywords
from napari_unet.widgets.viewer.layer_list import add_layer
from napari_unet.widgets.viewer.own_layers import not_computed_layer, result_layer
from napari_unet.widgets.viewer.placement import placement

SLICED = 2  # the last axes, over which blocks of the done-map are cut first


def show_recovered(
    viewer: Any, images: Sequence[Image], choice: InputChoice, recovered: Recovered
) -> Labels:
    """Add a layer with labels and trust as they were; where they are not known it is hatched."""
    header = recovered.header
    done = known_map(recovered)
    keywords = placement(images[0], choice.axes)
    facts = {"complete": done.complete, "recovered": True, "done_map": done.done}
    classes = [
        ClassSpec.model_construct(name=name, colour=colour) for name, colour in header.classes
    ]
    named = class_keywords(classes) if classes else {}
    name = f"{header.name} (recovered)"
    layer = result_layer(recovered.labels, name, facts, {**named, **keywords})
    add_layer(viewer, layer)
    correct(layer, images, choice).start_from(recovered.corrections)
    if not done.complete:
        add_layer(viewer, not_computed_layer(done, keywords, name), selected=layer)
    return layer


def known_map(recovered: Recovered) -> DoneMap:
    """Where saved labels are known: blocks that were written whole, by their pieces or by strokes,
    as far as they had been computed.
    """
    shape = recovered.header.shape
    written = DoneMap(shape, SLICED)
    painted = DoneMap(shape, SLICED)
    for box in [whole(shape)] if recovered.whole else recovered.pieces:
        written.mark(box)
    for box in recovered.strokes:
        painted.mark(box)
    known = written.done | painted.done
    computed = unpack_done(recovered.header.not_done)
    if computed is not None:
        known &= done_within(computed, written.blocks, whole(written.blocks))
    written.done = known
    written.hatching = np.where(known, np.uint8(0), DoneMap(shape, SLICED).hatching)
    return written
