"""How far the surfaces of labels are from those of the truth, in the unit of the spacing.

The surface of a mask is its voxels with a face neighbour outside; beyond the scan all is outside. A
distance is that between the centres of two voxels. scipy's distance transform finds the nearest
ones in a time that depends on the box's size alone; a k-d tree is quicker on most surfaces but can
take minutes on some.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Box = tuple[slice, ...]
HD_PERCENTILE = 95


@dataclass(frozen=True)
class SurfaceDistances:
    """From every surface voxel of the prediction to the truth's surface, and from every one of the
    truth's back.

    Where one alone has a surface, its distances are the scan's diagonal, longer than any real one:
    the worst there is, and a mean over classes stays a number. Where neither has one, there are no
    distances.
    """

    from_prediction: np.ndarray
    from_truth: np.ndarray

    def percentile(self, share: float = HD_PERCENTILE) -> float:
        """The larger of the two directions' percentiles; 100 is the Hausdorff distance; 0 where
        neither has a surface.
        """
        both = (self.from_prediction, self.from_truth)
        return max(
            (float(np.percentile(distances, share)) for distances in both if distances.size),
            default=0.0,
        )

    def average(self) -> float:
        """The mean over the voxels of both surfaces; 0 where neither has one."""
        both = np.concatenate([self.from_prediction, self.from_truth])
        return float(both.mean()) if both.size else 0.0


NO_SURFACES = SurfaceDistances(np.zeros(0), np.zeros(0))


def distances_between(
    found: np.ndarray, wanted: np.ndarray, spacing: Sequence[float], farthest: float
) -> SurfaceDistances:
    """The distances between the surfaces of two masks; `farthest` where one is empty."""
    one = surface(found)
    other = surface(wanted)
    return SurfaceDistances(
        _to_nearest(one, other, spacing, farthest), _to_nearest(other, one, spacing, farthest)
    )


def diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """From corner to corner of a scan: longer than between any two of its voxels."""
    return float(np.linalg.norm(np.multiply(shape, spacing)))


def surface(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask that have a face neighbour outside of it."""
    inner: np.ndarray = mask & ~ndimage.binary_erosion(mask)
    return inner


def joint_box(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box around two boxes; None where both are missing."""
    if one is None or other is None:
        return one or other
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )


def _to_nearest(
    start: np.ndarray, goal: np.ndarray, spacing: Sequence[float], farthest: float
) -> np.ndarray:
    """The distance from each voxel of `start` to the nearest of `goal`."""
    if not goal.any():
        return np.full(np.count_nonzero(start), farthest)
    distances = np.zeros(np.count_nonzero(start))
    positions = np.nonzero(start)
    if goal[positions].all():
        return distances  # no transform is needed where the surfaces are the same
    # the indices of the nearest voxel take a quarter of the memory that the distances would
    nearest = ndimage.distance_transform_edt(
        ~goal, sampling=spacing, return_distances=False, return_indices=True
    )
    for axis, (own, size) in enumerate(zip(positions, spacing, strict=True)):
        distances += np.square((nearest[axis][positions] - own) * size)
    root: np.ndarray = np.sqrt(distances)
    return root
