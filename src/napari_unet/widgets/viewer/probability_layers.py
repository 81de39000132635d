"""Probabilities as image layers."""

from typing import Any

import numpy as np
from napari.layers import Image

from napari_unet.segment.tasks.task import Task
from napari_unet.widgets.viewer.layer_facts import MARK


def probability_layers(
    probabilities: np.ndarray, task: Task, keywords: dict[str, Any], name: str
) -> list[Image]:
    """Hidden layers that share the memory of `probabilities`, which a run is filling."""
    return [
        _layer(part, f"{name}: {what}", keywords)
        for what, part in task.shown_probabilities(probabilities)
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
