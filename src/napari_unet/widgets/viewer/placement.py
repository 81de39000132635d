"""Where a result lies in the world: exactly where its image does."""

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.transforms import Affine

from napari_unet.widgets.viewer.layer_facts import given_axis_labels


def placement(layer: Image, axes: str) -> dict[str, Any]:
    """The keywords that put a result on its image; `axes` are the image layer's letters, of which
    "c" is dropped.
    """
    keep = [number for number, letter in enumerate(axes[: layer.ndim]) if letter != "c"]
    square = np.ix_(keep, keep)
    keywords: dict[str, Any] = {
        "scale": np.asarray(layer.scale)[keep],
        "translate": np.asarray(layer.translate)[keep],
        "rotate": np.asarray(layer.rotate)[square],
        "shear": shear_matrix(layer)[square],
        "affine": layer.affine.set_slice(keep),
        "units": [layer.units[number] for number in keep],
    }
    if labels := given_axis_labels(layer):
        keywords["axis_labels"] = [labels[number] for number in keep]
    return keywords


def coarser(keywords: dict[str, Any], factors: np.ndarray) -> dict[str, Any]:
    """The same position for an array whose voxels are larger by `factors`."""
    own = Affine(
        scale=keywords["scale"],
        translate=keywords["translate"],
        rotate=keywords["rotate"],
        shear=keywords["shear"],
    )
    return {
        **keywords,
        "scale": keywords["scale"] * factors,
        # the centre of the first large voxel, where napari puts an array's origin
        "translate": np.asarray(own((factors - 1) / 2)),
    }


def shear_matrix(layer: Image) -> np.ndarray:
    """The layer's shear as a matrix; napari may give its upper triangle alone, as a vector."""
    shear = np.asarray(layer.shear)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(layer.ndim)
    matrix[np.triu_indices(layer.ndim, 1)] = shear
    return matrix
