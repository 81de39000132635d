"""The hatched layer over what has not been computed: unmistakably not background."""

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_unet.widgets.arrays.done_map import DARK, DoneMap
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import coarser

# clear where computed, else a light and a dark stripe
SHADES = [[0.5, 0.5, 0.5, 0.0], [0.62, 0.62, 0.62, 0.22], [0.38, 0.38, 0.38, 0.5]]


def not_computed_layer(done: DoneMap, keywords: dict[str, Any], name: str) -> Image:
    """An image layer that shows the hatching of a done-map exactly over its result; `keywords` say
    where that lies.
    """
    factors = np.array(done.shape, float) / np.array(done.blocks)
    return Image(
        done.hatching,
        name=f"{name} (not computed)",
        colormap=Colormap(SHADES, name="not computed"),
        contrast_limits=(0, DARK),
        interpolation2d="nearest",
        interpolation3d="nearest",
        rendering="translucent",
        blending="translucent",
        metadata={MARK: {"kind": "not computed"}},
        **coarser(keywords, factors),
    )
