"""Which image layers a Labels layer was made from, remembered without keeping either alive."""

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
from napari_unet.words import by_axis

_sources: "weakref.WeakKeyDictionary[Labels, tuple[list[weakref.ref[Any]], InputChoice]]" = (
    weakref.WeakKeyDictionary()
)


def set_source(labels: Labels, images: Sequence[Image], choice: InputChoice) -> None:
    """Remember that these are the labels of these image layers, whose axes are as chosen."""
    _sources[labels] = ([weakref.ref(image) for image in images], choice)


def source_images(labels: Labels) -> list[Image]:
    """The image layers of a labels layer; empty where they are not known or one is gone."""
    images = [ref() for ref in _sources[labels][0]] if labels in _sources else []
    return [] if None in images else images


def source_choice(labels: Labels) -> InputChoice | None:
    """How the image layers of a labels layer were chosen, if they are still there."""
    return _sources[labels][1] if source_images(labels) else None


def source_scan(labels: Labels) -> Scan | None:
    """The scan of a labels layer, if its image layers are still there."""
    images = source_images(labels)
    return scan_from_layers(images, _sources[labels][1]) if images else None


def check_alignment(labels: Labels, image: Image, axes: str, scan: Scan) -> None:
    """Raise `ScanError` where labels do not lie voxel for voxel on an image; `axes` are the image
    layer's letters.
    """
    if tuple(labels.data.shape) != scan.result_shape:
        raise ScanError(
            f"The labels have the shape {tuple(labels.data.shape)}, the image "
            f"{scan.result_shape}. Both must be the same."
        )
    keywords = placement(image, axes)
    own = np.asarray(labels.scale, float)
    wanted = np.asarray(keywords["scale"], float)
    if not np.allclose(own, wanted, rtol=1e-3):
        raise ScanError(
            f"The labels have a scale of {by_axis(tuple(own))}, the image of "
            f"{by_axis(tuple(wanted))}: their voxels do not lie on each other. "
            "Give the labels the image's scale, or choose the image that they belong to."
        )
    if not _lie_at(labels, keywords):
        raise ScanError(
            "The labels lie elsewhere than the image (another translation or rotation). Choose "
            "the image that they belong to."
        )


def _lie_at(labels: Labels, keywords: dict[str, Any]) -> bool:
    """Whether labels have this position, to half a voxel, and this rotation and shear."""
    # napari composes the transform; an empty layer with these keywords has it
    there = Labels(
        np.zeros((1,) * labels.ndim, np.uint8),
        **{k: v for k, v in keywords.items() if k not in ("units", "axis_labels")},
    )
    mine = labels._data_to_world.affine_matrix
    its = there._data_to_world.affine_matrix
    apart = np.abs(mine[:-1, -1] - its[:-1, -1])
    turned_alike = np.allclose(mine[:-1, :-1], its[:-1, :-1], rtol=1e-3)
    return bool(turned_alike and (apart <= np.abs(keywords["scale"]) / 2).all())
