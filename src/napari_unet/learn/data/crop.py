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
        """For each axis the voxel of `own` at the centre of each model voxel."""
        return [
            _centres(m, part) - own.start
            for m, part, own in zip(self.maps, self.grid, self.own, strict=True)
        ]

    @property
    def edges(self) -> list[np.ndarray]:
        """For each axis the first voxel of `own` in each model voxel."""
        found = zip(self.maps, self.grid, self.own, strict=True)
        return [
            (np.arange(part.start, part.stop) * m.factor + 1e-6).astype(np.intp) - own.start
            for m, part, own in found
        ]

    def image(self, image: np.ndarray) -> np.ndarray:
        """What was read (C, *read) on the model's grid (C, *shape), float32."""
        for axis, (m, part, read) in enumerate(
            zip(self.maps, self.grid, self.read, strict=True), start=1
        ):
            if not m.same:
                firsts = range(part.start, part.stop, BLOCK)
                image = np.concatenate(
                    [
                        _rows(image, m, axis, (n, min(n + BLOCK, part.stop), read.start))
                        for n in firsts
                    ],
                    axis,
                )
        return np.ascontiguousarray(image, np.float32)

    def covering(self, region: Slices) -> Slices:
        """Those of its voxels that hold any voxel of a region of the frame."""
        found = []
        for m, part, own in zip(self.maps, self.grid, region, strict=True):
            first = math.floor(own.start / m.factor + 1e-6)
            last = math.ceil(own.stop / m.factor - 1e-6)
            found.append(
                slice(*(min(max(at, part.start), part.stop) - part.start for at in (first, last)))
            )
        return tuple(found)


def around(
    box: Slices | None, maps: Sequence[AxisMap], reach: int | None, least_voxels: int
) -> Crop:
    """So much around a box of a frame, in model voxels, and no fewer voxels than asked for, as far
    as the frame goes.
    """
    lengths = [m.model_length for m in maps]
    if box is None or reach is None or math.prod(lengths) <= least_voxels:
        return Crop(tuple(maps), tuple(slice(0, n) for n in lengths))
    within = Crop(tuple(maps), tuple(slice(0, n) for n in lengths)).covering(box)
    grid = _wider(within, lengths, reach)
    while math.prod(part.stop - part.start for part in grid) < least_voxels:
        grid = _wider(grid, lengths, max(1, reach // 4))
    return Crop(tuple(maps), grid)


def bounding_box(mask: np.ndarray) -> Slices | None:
    """The smallest box around the True voxels; None where there are none."""
    if not mask.any():
        return None
    along = [
        np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        for axis in range(mask.ndim)
    ]
    return tuple(slice(int(found[0]), int(found[-1]) + 1) for found in along)


def _wider(grid: Slices, lengths: Sequence[int], by: int) -> Slices:
    return tuple(
        slice(max(0, part.start - by), min(n, part.stop + by))
        for part, n in zip(grid, lengths, strict=True)
    )


def _edge(m: AxisMap, at: int) -> int:
    return m.length if at >= m.model_length else min(m.length, int(at * m.factor + 1e-6))


def _centres(m: AxisMap, part: slice) -> np.ndarray:
    return np.minimum(
        ((np.arange(part.start, part.stop) + 0.5) * m.factor).astype(np.intp), m.length - 1
    )


def _rows(image: np.ndarray, m: AxisMap, axis: int, rows: tuple[int, int, int]) -> np.ndarray:
    """Model voxels first … last-1 of an axis, of scan voxels that begin at some place."""
    first, last, begin = rows
    weights = m.to_model(first, last)
    return weights.apply(
        image[(slice(None),) * axis + (slice(weights.first - begin, weights.last - begin),)], axis
    )
