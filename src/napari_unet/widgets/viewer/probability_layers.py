"""Probabilities as image layers, one for each class but the background."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image

from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.viewer.layer_facts import MARK


def probability_layers(
    probabilities: np.ndarray, classes: Sequence[ClassSpec], keywords: dict[str, Any], name: str
) -> list[Image]:
    """Hidden layers that share the memory of `probabilities`, which a run is filling."""
    parts = [probabilities] if len(classes) == 2 else list(probabilities[1:])
    return [
        _layer(part, f"{name}: probability of {item.name}", keywords)
        for part, item in zip(parts, classes[1:], strict=True)
    ]


def _layer(part: np.ndarray, name: str, keywords: dict[str, Any]) -> Image:
    return Image(
        part,
        name=name,
        contrast_limits=(0, 1),
        colormap="magma",
        blending="additive",
        visible=False,
        metadata={MARK: {"kind": "probability"}},
        **keywords,
    )
