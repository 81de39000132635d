"""Which blocks of a result have been computed, and the hatching over those that have not."""

from collections.abc import Sequence
from math import prod

import numpy as np

MOST_BLOCKS = 2**22
BLOCKS_PER_AXIS = 512
STRIPES = 40  # light and dark ones together, along the longer side of a slice
LIGHT = 1
DARK = 2

Region = tuple[int | slice, ...]


class DoneMap:
    """Counts the computed voxels of each block of an array; a full block is done.

    Blocks, since a map of every voxel would be as large as the result.
    """

    def __init__(self, shape: Sequence[int], sliced: int) -> None:
        """`sliced` axes at the end belong to a frame; those before it are cut into blocks last."""
        self.shape = tuple(shape)
        self.blocks = _block_counts(self.shape, sliced)
        self._edges = [_edges(n, m) for n, m in zip(self.shape, self.blocks, strict=True)]
        self._count = np.zeros(self.blocks, np.int64)
        self.done = np.zeros(self.blocks, bool)
        self.hatching = self._stripes()
        self._provisional: Region | None = None

    @property
    def complete(self) -> bool:
        """Whether every voxel has been computed."""
        return bool(self.done.all())

    @property
    def provisional(self) -> Region | None:
        """The region that a small first tile computed and that a larger tile will cover, if any."""
        return self._provisional

    def mark(self, region: Region, provisional: bool = False) -> None:
        """Count a region as computed; regions do not overlap, but for a provisional one that a
        later one covers.
        """
        if self._provisional is not None and _within(self._provisional, region):
            self._add(self._provisional, -1)  # its voxels are counted again with the larger region
            self._provisional = None
        self._provisional = region if provisional else self._provisional
        self._add(region, 1)

    def _add(self, region: Region, sign: int) -> None:
        """Add the voxels of a region to the counts of its blocks, or take them off."""
        ranges, overlaps = zip(
            *(self._overlap(axis, part) for axis, part in enumerate(region)), strict=True
        )
        voxels = np.ones((), np.int64)
        sizes = np.ones((), np.int64)
        # outer products: the overlap with a block is the product of those along its axes
        for axis, (blocks, overlap) in enumerate(zip(ranges, overlaps, strict=True)):
            voxels = np.multiply.outer(voxels, overlap)
            sizes = np.multiply.outer(sizes, np.diff(self._edges[axis])[blocks])
        self._count[ranges] += sign * voxels
        done = self._count[ranges] >= sizes
        self.done[ranges] = done
        self.hatching[ranges][done] = 0

    def _overlap(self, axis: int, part: int | slice) -> tuple[slice, np.ndarray]:
        """The blocks along an axis that a part touches, and how many voxels it has in each."""
        part = slice(part, part + 1) if isinstance(part, int) else part
        start, stop, _ = part.indices(self.shape[axis])
        edges = self._edges[axis]
        first = int(np.searchsorted(edges, start, "right")) - 1
        last = int(np.searchsorted(edges, stop, "left"))
        begins = np.maximum(edges[first:last], start)
        ends = np.minimum(edges[first + 1 : last + 1], stop)
        return slice(first, last), ends - begins

    def _stripes(self) -> np.ndarray:
        """Diagonal stripes of two shades, the same in every slice: one value for each block."""
        rows = self._edges[-2][:-1]
        columns = self._edges[-1][:-1]
        period = max(self.shape[-2:]) / STRIPES
        stripes = np.where(
            (rows[:, None] + columns[None]) % (2 * period) < period, LIGHT, DARK
        ).astype(np.uint8)
        return np.broadcast_to(stripes, self.blocks).copy()


def done_within(done: np.ndarray, shape: Sequence[int], box: Sequence[slice]) -> np.ndarray:
    """Which voxels of a box are done; `done` are the blocks of an array of that shape."""
    part = done
    for axis, (n, side) in enumerate(zip(shape, box, strict=True)):
        edges = _edges(int(n), done.shape[axis])
        blocks = np.searchsorted(edges, np.arange(side.start, side.stop), "right") - 1
        part = part.take(blocks, axis=axis)
    return part


def _edges(length: int, blocks: int) -> np.ndarray:
    return np.round(np.linspace(0, length, blocks + 1)).astype(np.int64)


def _within(inner: Region, outer: Region) -> bool:
    return all(
        small == large
        if isinstance(small, int) or isinstance(large, int)
        else large.start <= small.start and small.stop <= large.stop
        for small, large in zip(inner, outer, strict=True)
    )


def _block_counts(shape: tuple[int, ...], sliced: int) -> tuple[int, ...]:
    blocks = [
        n if axis < len(shape) - sliced else min(n, BLOCKS_PER_AXIS) for axis, n in enumerate(shape)
    ]
    while prod(blocks) > MOST_BLOCKS:
        inner = range(len(shape) - sliced, len(shape))
        widest = max(inner, key=lambda axis: blocks[axis])
        if blocks[widest] == 1:
            widest = max(range(len(shape)), key=lambda axis: blocks[axis])
        blocks[widest] = (blocks[widest] + 1) // 2
    return tuple(blocks)
