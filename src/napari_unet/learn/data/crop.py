"""Which part of a frame an example holds, on the model's grid, and what has to be read of the scan
for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import Slices

BLOCK = 512  # rows that are resampled at once
ROUNDING = 1e-6  # of a voxel: a boundary that falls on a voxel's edge belongs to that edge


@dataclass(frozen=True)
class Crop:
    """A part of a frame: `grid` on the model's grid, anchored at the frame's origin as all grids
    are.
    """

    maps: tuple[AxisMap, ...]
    grid: Slices

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sides in model voxels."""
        return tuple(part.stop - part.start for part in self.grid)

    @cached_property
    def read(self) -> Slices:
        """The voxels of the scan from which its image is made."""
        return tuple(
            slice(*m.scan_range(part.start, part.stop))
            for m, part in zip(self.maps, self.grid, strict=True)
        )

    @cached_property
    def own(self) -> Slices:
        """The voxels of the scan that lie in it, within those read."""
        firsts = [_edge(m, part.start) for m, part in zip(self.maps, self.grid, strict=True)]
        lasts = [
            max(_edge(m, p.stop), int(_centres(m, p)[-1]) + 1)
            for m, p in zip(self.maps, self.grid, strict=True)
        ]
        return tuple(slice(first, last) for first, last in zip(firsts, lasts, strict=True))

    @property
    def centres(self) -> list[np.ndarray]:
        """For each axis, which voxel of `own` lies at the centre of each model voxel."""
        return [
            _centres(m, part) - own.start
            for m, part, own in zip(self.maps, self.grid, self.own, strict=True)
        ]

    @property
    def edges(self) -> list[np.ndarray]:
        """For each axis, which voxel of `own` is the first in each model voxel."""
        axes = zip(self.maps, self.grid, self.own, strict=True)
        return [
            (np.arange(part.start, part.stop) * m.factor + ROUNDING).astype(np.intp) - own.start
            for m, part, own in axes
        ]

    def image(self, image: np.ndarray) -> np.ndarray:
        """What was read (C, *read) on the model's grid (C, *shape), float32."""
        axes = zip(self.maps, self.grid, self.read, strict=True)
        for axis, (m, part, read) in enumerate(axes, start=1):
            if m.same:
                continue
            # in blocks, since the matrix of the weights grows with the square of its length
            blocks = [
                _rows(image, m, axis, (first, min(first + BLOCK, part.stop), read.start))
                for first in range(part.start, part.stop, BLOCK)
            ]
            image = np.concatenate(blocks, axis)
        return np.ascontiguousarray(image, np.float32)

    def covering(self, region: Slices) -> Slices:
        """Those of its voxels that hold any voxel of a region of the frame."""
        found = []
        for m, part, own in zip(self.maps, self.grid, region, strict=True):
            first = math.floor(own.start / m.factor + ROUNDING)
            last = math.ceil(own.stop / m.factor - ROUNDING)
            ends = [min(max(at, part.start), part.stop) - part.start for at in (first, last)]
            found.append(slice(*ends))
        return tuple(found)


def crop_around(
    box: Slices | None, maps: Sequence[AxisMap], reach: int | None, least_voxels: int
) -> Crop:
    """A box of a frame with `reach` model voxels around it, and at least `least_voxels`, as far as
    the frame goes; without a box or a reach, the whole frame.
    """
    lengths = [m.model_length for m in maps]
    whole = Crop(tuple(maps), tuple(slice(0, n) for n in lengths))
    if box is None or reach is None or math.prod(lengths) <= least_voxels:
        return whole
    grid = _wider(whole.covering(box), lengths, reach)
    while math.prod(part.stop - part.start for part in grid) < least_voxels:
        grid = _wider(grid, lengths, max(1, reach // 4))
    return Crop(tuple(maps), grid)


def _wider(grid: Slices, lengths: Sequence[int], by: int) -> Slices:
    return tuple(
        slice(max(0, part.start - by), min(n, part.stop + by))
        for part, n in zip(grid, lengths, strict=True)
    )


def _edge(m: AxisMap, at: int) -> int:
    return m.length if at >= m.model_length else min(m.length, int(at * m.factor + ROUNDING))


def _centres(m: AxisMap, part: slice) -> np.ndarray:
    return np.minimum(
        ((np.arange(part.start, part.stop) + 0.5) * m.factor).astype(np.intp), m.length - 1
    )


def _rows(image: np.ndarray, m: AxisMap, axis: int, rows: tuple[int, int, int]) -> np.ndarray:
    """Model voxels first … last-1 of an axis, of an image that begins at scan voxel `begin`."""
    first, last, begin = rows
    weights = m.to_model(first, last)
    needed = slice(weights.first - begin, weights.last - begin)
    return weights.apply(image[(slice(None),) * axis + (needed,)], axis)
