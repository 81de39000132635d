"""The pixel-weight map of the U-Net paper (Ronneberger, Fischer & Brox 2015, equation 2): gaps
between touching cells count more.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.settings import TrainSettings

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
    each class. The paper's w_c is in `learn/data/class_weights.py`.
    """
    nearest = np.full((2, *labels.shape), np.inf, np.float32)
    reach = int(np.ceil(REACH_SIGMAS * settings.border_sigma_px))
    touching = ndimage.generate_binary_structure(labels.ndim, labels.ndim)  # diagonals count too
    for label in np.unique(labels[(labels != IGNORE) & (labels > 0)]):
        objects, _ = ndimage.label(labels == label, touching)
        for number, box in enumerate(ndimage.find_objects(objects), start=1):
            around = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in box)
            distance = ndimage.distance_transform_edt(objects[around] != number)
            _insert(nearest[(slice(None), *around)], distance)
    total = nearest[0] + nearest[1]
    extra = settings.border_weight * np.exp(-(total**2) / (2 * settings.border_sigma_px**2))
    return np.where(labels == 0, 1 + extra, 1).astype(np.float32)


def _insert(nearest: np.ndarray, distance: np.ndarray) -> None:
    """Of a new distance and the two smallest so far (2, *part), keep the two smallest in place, the
    smaller one first.
    """
    distance = distance.astype(np.float32)
    nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
    nearest[0] = np.minimum(nearest[0], distance)
