"""What of a result has been computed, block by block; and the hatching that shows what has not."""

from collections.abc import Sequence
from math import prod

import numpy as np

MOST_BLOCKS = 2**22
BLOCKS_PER_AXIS = 512
STRIPES = 40
LIGHT, DARK = 1, 2

Place = tuple[int | slice, ...]


class DoneMap:
    """Counts the computed voxels of each block of an array; a block is done when all of its voxels
    are.
    """

    def __init__(self, shape: Sequence[int], sliced: int) -> None:
        """`sliced` axes at the end belong to a frame; those before it are cut into blocks last."""
        self.shape = tuple(shape)
        self.blocks = _block_counts(self.shape, sliced)
        self._edges = [_edges(n, m) for n, m in zip(self.shape, self.blocks, strict=True)]
        self._count = np.zeros(self.blocks, np.int64)
        self.done = np.zeros(self.blocks, bool)
        self.hatching = self._stripes()
        self._provisional: Place | None = None

    @property
    def complete(self) -> bool:
        """Whether every voxel has been computed."""
        return bool(self.done.all())

    @property
    def provisional(self) -> Place | None:
        """The part whose larger tile has not come, if there is one."""
        return self._provisional

    def mark(self, place: Place, provisional: bool = False) -> None:
        """Take that part of the array as computed. Parts do not overlap, but for a provisional one
        that a later part covers.
        """
        if self._provisional is not None and _within(self._provisional, place):
            self._add(self._provisional, -1)
            self._provisional = None
        self._provisional = place if provisional else self._provisional
        self._add(place, 1)

    def _add(self, place: Place, sign: int) -> None:
        ranges, overlaps = zip(
            *(self._overlap(axis, part) for axis, part in enumerate(place)), strict=True
        )
        voxels = np.ones((), np.int64)
        sizes = np.ones((), np.int64)
        for axis, (blocks, overlap) in enumerate(zip(ranges, overlaps, strict=True)):
            voxels = np.multiply.outer(voxels, overlap)
            sizes = np.multiply.outer(sizes, np.diff(self._edges[axis])[blocks])
        self._count[ranges] += sign * voxels
        done = self._count[ranges] >= sizes
        self.done[ranges] = done
        self.hatching[ranges][done] = 0

    def _overlap(self, axis: int, part: int | slice) -> tuple[slice, np.ndarray]:
        start, stop = (
            (part, part + 1) if isinstance(part, int) else part.indices(self.shape[axis])[:2]
        )
        edges = self._edges[axis]
        first = int(np.searchsorted(edges, start, "right")) - 1
        last = int(np.searchsorted(edges, stop, "left"))
        inside = np.minimum(edges[first + 1 : last + 1], stop) - np.maximum(
            edges[first:last], start
        )
        return slice(first, last), inside

    def _stripes(self) -> np.ndarray:
        """Diagonal stripes of two shades, the same in every slice."""
        rows = self._edges[-2][:-1]
        columns = self._edges[-1][:-1]
        period = max(self.shape[-2:]) / STRIPES
        stripes = np.where(
            (rows[:, None] + columns[None]) % (2 * period) < period, LIGHT, DARK
        ).astype(np.uint8)
        return np.broadcast_to(stripes, self.blocks).copy()


def done_within(done: np.ndarray, shape: Sequence[int], box: Sequence[slice]) -> np.ndarray:
    """Which voxels of a box are done, by the blocks of an array of that shape."""
    part = done
    for axis, (n, side) in enumerate(zip(shape, box, strict=True)):
        blocks = (
            np.searchsorted(
                _edges(int(n), done.shape[axis]), np.arange(side.start, side.stop), "right"
            )
            - 1
        )
        part = part.take(blocks, axis=axis)
    return part


def _edges(length: int, blocks: int) -> np.ndarray:
    return np.round(np.linspace(0, length, blocks + 1)).astype(np.int64)


def _within(inner: Place, outer: Place) -> bool:
    return all(
        small == large
        if isinstance(small, int) or isinstance(large, int)
        else large.start <= small.start and small.stop <= large.stop
        for small, large in zip(inner, outer, strict=True)
    )


def _block_counts(shape: tuple[int, ...], sliced: int) -> tuple[int, ...]:
    counts = [
        n if axis < len(shape) - sliced else min(n, BLOCKS_PER_AXIS) for axis, n in enumerate(shape)
    ]
    while prod(counts) > MOST_BLOCKS:
        inner = range(len(shape) - sliced, len(shape))
        widest = max(inner, key=lambda axis: counts[axis])
        if counts[widest] == 1:
            widest = max(range(len(shape)), key=lambda axis: counts[axis])
        counts[widest] = (counts[widest] + 1) // 2
    return tuple(counts)
