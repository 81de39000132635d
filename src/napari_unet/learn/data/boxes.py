"""Boxes of arrays, as one slice for each axis: around what is True, their middle, their size."""

import numpy as np

from napari_unet.scans.scan import Slices


def bounding_box(mask: np.ndarray) -> Slices | None:
    """The smallest box around the True voxels; None where there are none."""
    if not mask.any():
        return None
    axes = range(mask.ndim)
    occupied = [
        np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis)))
        for axis in axes
    ]
    return tuple(slice(int(found[0]), int(found[-1]) + 1) for found in occupied)


def middle_of(box: Slices, voxels: int) -> Slices:
    """The middle of a box, of about so many voxels at most, in the box's proportions."""
    factor = min(1.0, (voxels / voxels_of(box)) ** (1 / len(box)))
    lengths = [max(1, int((part.stop - part.start) * factor)) for part in box]
    starts = [
        (part.start + part.stop - length) // 2 for part, length in zip(box, lengths, strict=True)
    ]
    return tuple(
        slice(start, start + length) for start, length in zip(starts, lengths, strict=True)
    )


def voxels_of(box: Slices) -> int:
    """How many voxels a box has."""
    return int(np.prod([part.stop - part.start for part in box]))
