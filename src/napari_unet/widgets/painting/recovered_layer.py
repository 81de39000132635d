"""A layer of strokes that were lost: labels and trust as they were, and what was never known
hatched.
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
from napari_unet.widgets.viewer.hatching import not_computed_layer
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import placement

OPACITY = 0.6
SLICED = 2


def show_recovered(
    viewer: Any, images: Sequence[Image], choice: InputChoice, recovered: Recovered
) -> Labels:
    """A new layer with labels and trust as they were, under a hatching where they are not known."""
    header = recovered.header
    done = known_map(recovered)
    words = placement(images[0], choice.axes)
    facts: dict[str, Any] = {
        "kind": "result",
        "complete": done.complete,
        "recovered": True,
        "done_map": done.done,
    }
    classes = [
        ClassSpec.model_construct(name=name, colour=colour) for name, colour in header.classes
    ]
    named = class_keywords(classes) if classes else {}
    name = f"{header.name} (recovered)"
    layer = Labels(
        recovered.labels, name=name, opacity=OPACITY, metadata={MARK: facts}, **named, **words
    )
    viewer.add_layer(layer)
    correct(layer, images, choice).start_from(recovered.corrections)
    if not done.complete:
        viewer.add_layer(not_computed_layer(done, words, name))
        viewer.layers.selection.active = layer
    return layer


def known_map(recovered: Recovered) -> DoneMap:
    """What is known of kept labels: what was computed, as far as it was written; where strokes are
    is known in any case.
    """
    shape = recovered.header.shape
    kept = DoneMap(shape, SLICED)
    painted = DoneMap(shape, SLICED)
    for done, boxes in (
        (kept, [whole(shape)] if recovered.whole else recovered.pieces),
        (painted, recovered.strokes),
    ):
        for box in boxes:
            done.mark(box)
    known = kept.done | painted.done
    computed = unpack_done(recovered.header.not_done)
    if computed is not None:
        known &= done_within(computed, kept.blocks, whole(kept.blocks))
    kept.done = known
    kept.hatching = np.where(known, np.uint8(0), DoneMap(shape, SLICED).hatching)
    return kept
