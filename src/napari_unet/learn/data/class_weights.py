"""How much each class counts in the cross-entropy, so that a rare class is not drowned out: w_c of
the U-Net paper (Ronneberger, Fischer & Brox 2015, equation 2).
"""

from collections.abc import Sequence

import numpy as np

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.model.head import CLASS_NUMBERS
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor


def class_weights(examples: Sequence[Example], power: float) -> Tensor | None:
    """(CLASS_NUMBERS,) float32: (1 / share)^power of each label among the trusted voxels, their
    mean over those voxels 1.

    None where nothing is weighted. A power of 1 lets every class count alike, 0.5 is halfway there.
    """
    counts = sum(
        (np.bincount(e.labels.reshape(-1), minlength=CLASS_NUMBERS) for e in examples),
        np.zeros(CLASS_NUMBERS, np.int64),
    )
    counts[IGNORE] = 0
    if not power or not counts.any():
        return None
    shares = np.where(counts, np.maximum(counts, 1) / counts.sum(), 1.0)
    weights = shares**-power
    return torch.from_numpy((weights * counts.sum() / (weights * counts).sum()).astype(np.float32))


def voxel_weights(
    labels: Tensor, own_weight: Tensor | None, of_class: Tensor | None
) -> Tensor | None:
    """The weight of each voxel of (N, *patch) labels: its own, times that of its class."""
    if of_class is None:
        return own_weight
    weights = of_class.to(labels.device)[labels]
    return weights if own_weight is None else own_weight * weights
