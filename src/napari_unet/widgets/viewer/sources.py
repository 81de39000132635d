"""Of which image layers a Labels layer holds the labels, remembered without keeping either alive."""

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_unet.errors import ScanError
from napari_unet.scans.scan import Scan
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.viewer.placement import placement
from napari_unet.widgets.viewer.scan_from_layers import scan_from_layers

_sources: "weakref.WeakKeyDictionary[Labels, tuple[list[weakref.ref[Any]], InputChoice]]" = (
    weakref.WeakKeyDictionary()
)


def set_source(labels: Labels, images: Sequence[Image], choice: InputChoice) -> None:
    """From now on these are the labels of these image layers, whose axes are as chosen."""
    _sources[labels] = ([weakref.ref(image) for image in images], choice)


def source_images(labels: Labels) -> list[Image]:
    """The image layers of some labels; none if they are not known, or gone."""
    images = [ref() for ref in _sources[labels][0]] if labels in _sources else []
    return [] if None in images else images


def source_choice(labels: Labels) -> InputChoice | None:
    """What was chosen of the image layers of some labels, if they are still there."""
    return _sources[labels][1] if source_images(labels) else None


def source_scan(labels: Labels) -> Scan | None:
    """The scan of some labels, if its layers are still there."""
    images = source_images(labels)
    return scan_from_layers(images, _sources[labels][1]) if images else None


def check_place(labels: Labels, image: Image, axes: str, scan: Scan) -> None:
    """Raise `ScanError` where labels do not lie voxel for voxel on an image; `axes` are the image
    layer's letters.
    """
    if tuple(labels.data.shape) != scan.result_shape:
        raise ScanError(
            f"The labels have the shape {tuple(labels.data.shape)}, the image "
            f"{scan.result_shape}. Both must be the same."
        )
    words = placement(image, axes)
    own = np.asarray(labels.scale, float)
    wanted = np.asarray(words["scale"], float)
    if not np.allclose(own, wanted, rtol=1e-3):
        raise ScanError(
            f"The labels have a scale of {_numbers(own)}, the image of {_numbers(wanted)}: their "
            "voxels do not lie on each other. "
            "Give the labels the image's scale, or choose the image that they belong to."
        )
    there = Labels(
        np.zeros((1,) * labels.ndim, np.uint8),
        **{k: v for k, v in words.items() if k not in ("units", "axis_labels")},
    )
    mine = labels._data_to_world.affine_matrix
    its = there._data_to_world.affine_matrix
    if (
        not np.allclose(mine[:-1, :-1], its[:-1, :-1], rtol=1e-3)
        or (np.abs(mine[:-1, -1] - its[:-1, -1]) > np.abs(wanted) / 2).any()
    ):
        raise ScanError(
            "The labels lie elsewhere than the image (another translation or rotation). Choose "
            "the image that they belong to."
        )


def _numbers(values: np.ndarray) -> str:
    return " × ".join(f"{value:.4g}" for value in values)
