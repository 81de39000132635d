"""The colours and names of classes on a labels layer, and the imports that showing them needs."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.model.spec import ClassSpec
from napari_unet.segment.tasks.task import LabelFacts, facts_of_classes
from napari_unet.words import never_html


def class_keywords(classes: Sequence[ClassSpec]) -> dict[str, Any]:
    """Keywords for a new labels layer: colours, and names that the status bar shows; a label of no
    class is magenta, so that it is seen.
    """
    return label_keywords(facts_of_classes(classes))


def label_keywords(facts: LabelFacts) -> dict[str, Any]:
    """Keywords for a labels layer that show labels as a task says; without colours, napari gives
    each label one of its own.

    napari's status bar draws what looks like HTML as such, and names may come from any file.
    """
    features = {
        "index": np.arange(len(facts.names)),
        "class": list(map(never_html, facts.names)),
    }
    if facts.colours is None:
        return {"features": features}
    return {
        "colormap": DirectLabelColormap(color_dict=dict(facts.colours)),
        "features": features,
    }


def show_classes(layer: Labels, classes: Sequence[ClassSpec], selected: int | None = None) -> None:
    """Give a layer these classes and keep all else in its table; `selected` is the label that is
    painted next.
    """
    layer.colormap = class_keywords(classes)["colormap"]
    layer.features = _with_classes(layer.features, classes)
    if selected is not None:
        layer.selected_label = selected


def _with_classes(table: Any, classes: Sequence[ClassSpec]) -> Any:
    """A layer's table with one row for each class, then those of labels that have none."""
    if "index" in table:
        known = [int(label) for label in table["index"]]
    else:
        known = list(range(len(table)))
    table = table.set_axis(known)
    table = table[~table.index.duplicated()]
    others = [label for label in table.index if label >= len(classes)]
    names = list(table["class"].reindex(others)) if "class" in table else [""] * len(others)
    table = table.reindex([*range(len(classes)), *others])
    table["index"] = list(table.index)
    table["class"] = [*(never_html(item.name) for item in classes), *names]
    return table.reset_index(drop=True)


MODULES = ("pandas", "scipy.ndimage", "skimage.color.colorconv")


def warm_up() -> None:
    """Import modules and let napari compile how labels become colours, which takes seconds; meant
    for a thread of its own.
    """
    for name in MODULES:
        import_module(name)
    # vispy computes these numbers once and keeps them for every line that it draws; where a later
    # version has no such class, the first line is slower and nothing else
    with suppress(ImportError, AttributeError):
        import_module("vispy.visuals.line.dash_atlas").DashAtlas()
    _compile_colours()


def _compile_colours() -> None:
    """Colour a few labels as a result's are: with numba, napari compiles that at first use.

    Not by making a layer: meanwhile napari would silence warnings, for all threads.
    """
    colours = DirectLabelColormap(color_dict={0: "transparent", 1: "white", None: "magenta"})
    colours.map(np.zeros((2, 2), np.uint8))
