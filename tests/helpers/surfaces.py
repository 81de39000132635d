"""The surface distances of one label, by the steps that `evaluate` takes on the whole arrays."""

from collections.abc import Sequence

import numpy as np

from napari_unet.measure.surface import SurfaceDistances, diagonal, distances_between


def surface_distances(
    prediction: np.ndarray,
    truth: np.ndarray,
    label: int = 1,
    spacing: Sequence[float] | None = None,
) -> SurfaceDistances:
    sizes = (1.0,) * truth.ndim if spacing is None else spacing
    return distances_between(
        prediction == label, truth == label, sizes, diagonal(truth.shape, sizes)
    )
