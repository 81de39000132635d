"""Gives a labels layer the colours and names of classes."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.model.spec import ClassSpec

UNKNOWN_COLOUR = "#ff00ff"


def class_words(classes: Sequence[ClassSpec]) -> dict[str, Any]:
    """Keywords for a labels layer: colours, and names for the status bar; labels of no class are
    magenta.
    """
    colours: dict[int | None, Any] = {number: item.colour for number, item in enumerate(classes)}
    return {
        "colormap": DirectLabelColormap(
            color_dict={**colours, 0: "transparent", None: UNKNOWN_COLOUR}
        ),
        "features": {"index": np.arange(len(classes)), "class": [item.name for item in classes]},
    }


def show_classes(layer: Labels, classes: Sequence[ClassSpec], selected: int | None = None) -> None:
    """Give a layer these classes, beside columns and rows of the user's own; `selected` is the
    label that is painted next.
    """
    layer.colormap = class_words(classes)["colormap"]
    layer.features = _with_classes(layer.features, classes)
    if selected is not None:
        layer.selected_label = selected


def _with_classes(table: Any, classes: Sequence[ClassSpec]) -> Any:
    """A layer's table with one row for each class, then those of labels that have none."""
    known = (
        [int(label) for label in table["index"]] if "index" in table else list(range(len(table)))
    )
    table = table.set_axis(known)
    table = table[~table.index.duplicated()]
    others = [label for label in table.index if label >= len(classes)]
    names = list(table["class"].reindex(others)) if "class" in table else [""] * len(others)
    table = table.reindex([*range(len(classes)), *others])
    table["index"], table["class"] = list(table.index), [*(item.name for item in classes), *names]
    return table.reset_index(drop=True)


MODULES = ("pandas", "scipy.ndimage", "skimage.color.colorconv")


def warm_up() -> None:
    """Import modules and let napari compile how labels become colours, which takes seconds; meant
    for a thread of its own.
    """
    for name in MODULES:
        import_module(name)
    with suppress(ImportError, AttributeError):
        import_module(
            "vispy.visuals.line.dash_atlas"
        ).DashAtlas()  # numbers that vispy then keeps for every line it draws
    _compile_colours()


def _compile_colours() -> None:
    """Colour a few labels as a result's are: with numba, napari compiles that at first use.

    Not by making a layer: napari would silence warnings meanwhile, for all threads.
    """
    import numpy as np
    from napari.utils.colormaps import DirectLabelColormap

    DirectLabelColormap(color_dict={0: "transparent", 1: "white", None: "magenta"}).map(
        np.zeros((2, 2), np.uint8)
    )
