"""Resampling: from a scan's grid to the model's and back. Both grids begin at the frame's corner.

Voxel i of a frame covers [i, i + 1) of its axis. A voxel of the target grid is a weighted mean of
the source voxels near its centre. The weights are a triangle as wide as the larger of the two
voxels: linear interpolation if the target is finer, an anti-aliasing filter if it is coarser. They
depend only on where the voxel is in the frame, so a tile gets the same values as the whole frame.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_unet.scans.units import to_um

TOLERANCE = 0.1  # spacings that differ by a smaller share count as equal


@dataclass(frozen=True)
class AxisMap:
    """One axis of a frame on both grids: its length in scan voxels, and how many of these a model
    voxel is long (`factor`).
    """

    length: int
    factor: float = 1.0

    @property
    def same(self) -> bool:
        """Whether both grids are the same."""
        return self.factor == 1.0

    @property
    def model_length(self) -> int:
        """Length of the axis on the model's grid."""
        return max(1, math.ceil(self.length / self.factor - 1e-6))  # a rounding error adds no voxel

    @property
    def margin(self) -> int:
        """Model voxels beyond a range that `to_scan` needs for scan voxels at its edge."""
        return 0 if self.same else math.ceil(max(1.0, 1 / self.factor)) + 1

    def to_model(self, first: int, last: int) -> "Weights":
        """Weights of the scan voxels that make model voxels first … last-1."""
        return _weights(first, last, self.factor, self.length)

    def to_scan(self, first: int, last: int) -> "Weights":
        """Weights of the model voxels that make scan voxels first … last-1."""
        return _weights(first, last, 1 / self.factor, self.model_length)

    def scan_range(self, first: int, last: int) -> tuple[int, int]:
        """The range of scan voxels that model voxels first … last-1 are made of."""
        return _sources(first, last, self.factor, self.length)

    def model_range(self, first: int, last: int) -> tuple[int, int]:
        """The range of model voxels that scan voxels first … last-1 are made of."""
        return _sources(first, last, 1 / self.factor, self.model_length)


@dataclass(frozen=True)
class Weights:
    """The source voxels first … last-1 of an axis, and the share of each in each target voxel."""

    first: int
    last: int
    matrix: np.ndarray | None  # (targets, sources); None if both grids are the same

    def apply(self, array: np.ndarray, axis: int) -> np.ndarray:
        """Replace the source voxels along `axis` by the target voxels."""
        if self.matrix is None:
            return array
        moved = np.moveaxis(array, axis, -1) @ self.matrix.T
        return np.moveaxis(moved, -1, axis)


def axis_maps(
    shape: Sequence[int], spacing: Sequence[float], wanted: Sequence[float] | None
) -> tuple[AxisMap, ...]:
    """One map per axis of a frame; nothing is resampled if no spacing is wanted or both agree."""
    if wanted is None or not differs(spacing, wanted):
        return tuple(AxisMap(n) for n in shape)
    return tuple(
        AxisMap(n, target / own) for n, own, target in zip(shape, spacing, wanted, strict=True)
    )


def differs(spacing: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether any two spacings differ by more than a tenth."""
    return any(
        abs(math.log(own / target)) > math.log1p(TOLERANCE)
        for own, target in zip(spacing, wanted, strict=True)
    )


def convert(size: Sequence[float], unit: str, to: str) -> tuple[float, ...] | None:
    """Lengths in another unit; None if one of the two is no unit of length (such as "pixel")."""
    one = to_um(1.0, to)
    lengths = [to_um(length, unit) for length in size]
    if one is None or any(length is None for length in lengths):
        return None
    return tuple(length / one for length in lengths if length is not None)


def _sources(first: int, last: int, ratio: float, length: int) -> tuple[int, int]:
    if ratio == 1.0:
        return first, last
    radius = max(1.0, ratio)
    start = math.floor(_centre(first, ratio) - radius) + 1  # those at the radius have no weight
    return max(0, start), min(length, math.ceil(_centre(last - 1, ratio) + radius))


def _weights(first: int, last: int, ratio: float, length: int) -> Weights:
    start, stop = _sources(first, last, ratio, length)
    if ratio == 1.0:
        return Weights(start, stop, None)
    centres = _centre(np.arange(first, last), ratio)
    distance = np.abs(np.arange(start, stop)[None] - centres[:, None])
    matrix = np.clip(1 - distance / max(1.0, ratio), 0, None)
    return Weights(start, stop, (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32))


def _centre(target: Any, ratio: float) -> Any:
    """Where the centre of one or several target voxels lies, in source voxels."""
    return (target + 0.5) * ratio - 0.5
