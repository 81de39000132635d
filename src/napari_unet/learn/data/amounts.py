"""How much a training learns from, in numbers of images and voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_unet.learn.data.corrections import PAINTED, REVIEWED, Corrections, label_counts
from napari_unet.learn.data.item import TrainItem
from napari_unet.model.head import CLASS_NUMBERS


def trusted_voxels(items: Sequence[TrainItem]) -> dict[str, int]:
    """How many voxels of each label are trusted, in all items together."""
    labels = sum(
        (label_counts(item.corrections) for item in items), np.zeros(CLASS_NUMBERS, np.int64)
    )
    return {str(n): int(labels[n]) for n in np.flatnonzero(labels)}


def amounts_of(items: Sequence[TrainItem]) -> dict[str, Any]:
    """How much was trusted: images, voxels painted and reviewed, and voxels of each label."""
    trusts = np.zeros(CLASS_NUMBERS, np.int64)
    for item in items:
        trust = item.corrections.trust
        trusts += label_counts(Corrections(trust, trust))  # the trust itself, counted as labels
    return {
        "images": len(items),
        "painted_voxels": int(trusts[PAINTED]),
        "reviewed_voxels": int(trusts[REVIEWED]),
        "voxels_of_label": trusted_voxels(items),
    }
