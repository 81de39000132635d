"""The pixel-weight map of the U-Net paper (Ronneberger, Fischer & Brox 2015, equation 2): gaps
between touching cells count more.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_unet.learn.data.example import IGNORE, Example
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.torch_import import torch

REACH_SIGMAS = 4.0  # further than that an object adds next to nothing


def with_border_weights(examples: Sequence[Example], settings: TrainSettings) -> list[Example]:
    """The examples with their weight maps, where the settings ask for them and the examples have
    none.
    """
    if not settings.border_weight:
        return list(examples)
    return [
        e if e.weight is not None else replace(e, weight=border_weights(e.labels, settings))
        for e in examples
    ]


def border_weights(labels: np.ndarray, settings: TrainSettings) -> np.ndarray:
    """Weights (*frame) float32: 1 + w0 · exp(-(d1 + d2)² / 2σ²) in the background, and 1 elsewhere.

    d1 and d2 are the distances to the two nearest objects; objects are the connected components of
    each class. The paper's w_c is `class_weights`.
    """
    nearest = np.full((2, *labels.shape), np.inf, np.float32)
    reach = int(np.ceil(REACH_SIGMAS * settings.border_sigma_px))
    for label in np.unique(labels[(labels != IGNORE) & (labels > 0)]):
        objects, _ = ndimage.label(
            labels == label, ndimage.generate_binary_structure(labels.ndim, labels.ndim)
        )
        for number, box in enumerate(ndimage.find_objects(objects), start=1):
            around = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in box)
            _insert(
                nearest[(slice(None), *around)],
                ndimage.distance_transform_edt(objects[around] != number),
            )
    extra = settings.border_weight * np.exp(
        -((nearest[0] + nearest[1]) ** 2) / (2 * settings.border_sigma_px**2)
    )
    return np.where(labels == 0, 1 + extra, 1).astype(np.float32)


def _insert(nearest: np.ndarray, distance: np.ndarray) -> None:
    """Keep the two smallest distances (2, *part), the smaller one first."""
    distance = distance.astype(np.float32)
    nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
    nearest[0] = np.minimum(nearest[0], distance)


Tensor = torch.Tensor


def class_weights(examples: Sequence[Example], power: float) -> Tensor | None:
    """(256,) float32: (1 / share)^power of each label among the trusted voxels, their mean over
    those voxels 1.

    None where nothing is weighted. A power of 1 lets every class count alike, 0.5 is halfway there.
    """
    counts = sum(
        (np.bincount(e.labels.reshape(-1), minlength=256) for e in examples),
        np.zeros(256, np.int64),
    )
    counts[IGNORE] = 0
    if not power or not counts.any():
        return None
    weights = np.where(counts, np.maximum(counts, 1) / counts.sum(), 1.0) ** -power
    return torch.from_numpy((weights * counts.sum() / (weights * counts).sum()).astype(np.float32))


def weighted(labels: Tensor, weight: Tensor | None, of_class: Tensor | None) -> Tensor | None:
    """The weight of each voxel of (N, *patch) labels: its own, times that of its class."""
    if of_class is None:
        return weight
    each = of_class.to(labels.device)[labels]
    return each if weight is None else weight * each
