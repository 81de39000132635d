"""An array of any size, cut into small blocks, so that changes are followed block by block."""

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

SIDE = 128

Box = tuple[slice, ...]


class BlockGrid:
    """Blocks of 128 × 128 over the last two axes of an array and one deep in the others, numbered
    in the order of the array (the last axis fastest).
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(int(n) for n in shape)
        flat = max(0, len(self.shape) - 2)
        self._sides = tuple(1 if axis < flat else min(SIDE, n) for axis, n in enumerate(self.shape))
        self._counts = tuple(-(-n // side) for n, side in zip(self.shape, self._sides, strict=True))
        self._steps = tuple(prod(self._counts[axis + 1 :]) for axis in range(len(self.shape)))
        self.size = prod(self._counts)
        self.per_slice = prod(self._counts[flat:])

    def touching(self, box: Box) -> np.ndarray:
        """The numbers of the blocks that share a voxel with a box."""
        # as in a flat index: a block's number is the sum of its steps along each axis
        numbers = np.zeros((), np.int64)
        for part, side, step in zip(box, self._sides, self._steps, strict=True):
            along = np.arange(part.start // side, -(-part.stop // side)) * step
            numbers = np.add.outer(numbers, along)
        return numbers.ravel()

    def box(self, number: int) -> Box:
        """Where a block lies."""
        parts = []
        for n, side, count, step in zip(
            self.shape, self._sides, self._counts, self._steps, strict=True
        ):
            start = number // step % count * side
            parts.append(slice(start, min(start + side, n)))
        return tuple(parts)

    def slices(self, numbers: np.ndarray) -> int:
        """How many slices these blocks lie in."""
        return len(np.unique(numbers // self.per_slice))


def whole(shape: Sequence[int]) -> Box:
    """The box around all of an array."""
    return tuple(slice(0, int(n)) for n in shape)


def inside(box: Sequence[slice], shape: Sequence[int]) -> Box:
    """The part of a box within an array; open or negative bounds become plain numbers."""
    return tuple(slice(*part.indices(int(n))[:2]) for part, n in zip(box, shape, strict=True))


def is_empty(box: Box) -> bool:
    """Whether a box holds no voxel."""
    return any(part.start >= part.stop for part in box)


def boxes(shape: Sequence[int], voxels: int) -> Iterator[Box]:
    """Boxes of at most so many voxels that make up an array, in order."""
    if prod(shape) <= voxels or not shape:
        yield whole(shape)
        return
    rows = max(1, voxels // max(1, prod(shape[1:])))
    for start in range(0, int(shape[0]), rows):
        first = slice(start, min(start + rows, int(shape[0])))
        if rows > 1 or prod(shape[1:]) <= voxels:
            yield (first, *whole(shape[1:]))
        else:
            yield from ((first, *rest) for rest in boxes(shape[1:], voxels))
