"""Gives a labels layer the colours and names of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.model.spec import ClassSpec

UNKNOWN_COLOUR = "#ff00ff"


def class_words(classes: Sequence[ClassSpec]) -> dict[str, Any]:
    """Keywords for a labels layer: colours, and names for the status bar; labels of no class are magenta."""
    colours: dict[int | None, Any] = {number: item.colour for number, item in enumerate(classes)}
    return {
        "colormap": DirectLabelColormap(color_dict={**colours, 0: "transparent", None: UNKNOWN_COLOUR}),
        "features": {"index": np.arange(len(classes)), "class": [item.name for item in classes]},
    }


def show_classes(layer: Labels, classes: Sequence[ClassSpec], selected: int | None = None) -> None:
    """Give a layer these classes; `selected` is the label that is painted next."""
    for name, value in class_words(classes).items():
        setattr(layer, name, value)
    if selected is not None:
        layer.selected_label = selected
