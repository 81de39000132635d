"""The layers that we make: results, their probabilities, and what is shown over them.

napari draws the names of layers as HTML where they look like it; ours never do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Shapes
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_unet.learn.data.corrections import PAINTED, REVIEWED, UNTRUSTED
from napari_unet.segment.tasks.task import Task
from napari_unet.widgets.arrays.done_map import DARK, DoneMap
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import coarser, placement
from napari_unet.words import never_html

RESULT_OPACITY = 0.6
TRUST = "trust"
TRUST_OPACITY = 0.35
TRUST_NAMES = ("not trusted", "painted", "reviewed")
TRUST_COLOURS = {
    UNTRUSTED: "transparent",
    PAINTED: "#00b4d8",
    REVIEWED: "#7ae582",
    None: "#00b4d8",
}
CHANGES_OPACITY = 0.7
CHANGED_COLOUR = "#ff3ea5"
REGION_STYLE = {"edge_color": "#7ae582", "face_color": "transparent", "edge_width": 1}
# clear where computed, else a light and a dark stripe
HATCHING = [[0.5, 0.5, 0.5, 0.0], [0.62, 0.62, 0.62, 0.22], [0.38, 0.38, 0.38, 0.5]]


def result_layer(
    labels: np.ndarray, name: str, facts: Mapping[str, Any], keywords: Mapping[str, Any]
) -> Labels:
    """The labels of a result; `facts` go into its metadata, `keywords` say where it lies and how
    its labels are shown.
    """
    metadata = {MARK: {"kind": "result", **facts}}
    return Labels(
        labels, name=never_html(name), opacity=RESULT_OPACITY, metadata=metadata, **keywords
    )


def probability_layers(
    probabilities: np.ndarray, task: Task, keywords: Mapping[str, Any], name: str
) -> list[Image]:
    """Hidden layers that share the memory of `probabilities`, which a run is filling."""
    return [
        _probability_layer(part, f"{name}: {what}", keywords)
        for what, part in task.shown_probabilities(probabilities)
    ]


def _probability_layer(part: np.ndarray, name: str, keywords: Mapping[str, Any]) -> Image:
    return Image(
        part,
        name=never_html(name),
        contrast_limits=(0, 1),
        colormap="magma",
        blending="additive",
        visible=False,
        metadata={MARK: {"kind": "probability"}},
        **keywords,
    )


def not_computed_layer(done: DoneMap, keywords: dict[str, Any], name: str) -> Image:
    """The hatching of a done-map, exactly over its result; `keywords` say where that lies."""
    factors = np.array(done.shape, float) / np.array(done.blocks)
    return Image(
        done.hatching,
        name=never_html(f"{name} (not computed)"),
        colormap=Colormap(HATCHING, name="not computed"),
        contrast_limits=(0, DARK),
        interpolation2d="nearest",
        interpolation3d="nearest",
        rendering="translucent",
        blending="translucent",
        metadata={MARK: {"kind": "not computed"}},
        **coarser(keywords, factors),
    )


def changes_layer(marks: np.ndarray, name: str, keywords: Mapping[str, Any]) -> Labels:
    """Marks where two models disagree: 1 where they do; it can not be painted."""
    layer = Labels(
        marks,
        name=never_html(f"{name} · changes"),
        opacity=CHANGES_OPACITY,
        colormap=DirectLabelColormap(
            color_dict={0: "transparent", 1: CHANGED_COLOUR, None: CHANGED_COLOUR}
        ),
        features={"index": [0, 1], "class": ["as before", "changed"]},
        metadata={MARK: {"kind": "changes"}},
        **keywords,
    )
    layer.editable = False
    return layer


def trust_layer(labels: Labels, trust: np.ndarray) -> Labels:
    """The trust of a labels layer, exactly over it, ready to be painted as reviewed."""
    layer = Labels(
        trust,
        name=never_html(f"{labels.name} · trust"),
        opacity=TRUST_OPACITY,
        colormap=DirectLabelColormap(color_dict=TRUST_COLOURS),
        features={"index": np.arange(len(TRUST_NAMES)), "trust": TRUST_NAMES},
        metadata={MARK: {"kind": TRUST}},
        **placement(labels, "q" * labels.ndim),
    )
    layer.selected_label = REVIEWED
    return layer


def region_layer(labels: Labels, name: str) -> Shapes:
    """An empty layer over a labels layer, to draw a region on."""
    layer = Shapes(
        ndim=labels.ndim,
        name=never_html(name),
        metadata={MARK: {"kind": "region"}},
        **REGION_STYLE,
        **placement(labels, "q" * labels.ndim),
    )
    # the style of what is drawn next: that of the layer is for what it was made with
    layer.current_face_color = REGION_STYLE["face_color"]
    layer.current_edge_color = REGION_STYLE["edge_color"]
    return layer
