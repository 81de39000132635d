"""The shapes of the resolution levels of a zarr result: each has half the size of the next finer
one, until one is about a chunk.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.scan import SPATIAL, Slices

CHUNK_PX = 512
COARSEST_PX = {
    2: 512,
    3: 128,
}  # the longest side of the coarsest level, where slices are halved and where volumes are


@dataclass(frozen=True)
class Level:
    """One level: its shape and chunks, the size and first position of its voxels (`scale`,
    `translation`), and how many voxels of the next finer level make one of it (`factors`), by axis.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    factors: tuple[int, ...]

    def grid(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(-(-n // chunk) for n, chunk in zip(self.shape, self.chunks, strict=True))

    def chunk(self, index: tuple[int, ...]) -> Slices:
        """The voxels that a chunk holds."""
        parts = zip(index, self.chunks, self.shape, strict=True)
        return tuple(slice(i * chunk, min((i + 1) * chunk, n)) for i, chunk, n in parts)

    def source(self, part: Slices) -> Slices:
        """The voxels of the next finer level that some voxels are made of. For a whole chunk, these
        are whole chunks, so each is read once.
        """
        return tuple(
            slice(own.start * factor, own.stop * factor)
            for own, factor in zip(part, self.factors, strict=True)
        )


def plan_levels(file: ResultFile) -> list[Level]:
    """All levels of a result, finest first.

    Spatial axes are halved if chunks have more than one voxel along them: y and x of slices, also
    of a stack of slices, and z, y and x of volumes. Of labels, every other voxel is taken.
    Probabilities become means, whose centres lie half a finer voxel further.
    """
    sizes = file.sizes_um
    chunks = chunk_shape(file)
    halved = [
        letter in SPATIAL and chunk > 1 for letter, chunk in zip(file.axes, chunks, strict=True)
    ]
    scale = tuple(sizes.get(letter, 1.0) for letter in file.axes)
    levels = [Level(file.shape, chunks, scale, (0.0,) * len(scale), (1,) * len(scale))]
    most = COARSEST_PX[3 if sum(halved) == 3 else 2]
    while (
        max((n for n, may in zip(levels[-1].shape, halved, strict=True) if may), default=0) > most
    ):
        levels.append(_coarser(levels[-1], halved, takes_means(file)))
    return levels


def chunk_shape(file: ResultFile) -> tuple[int, ...]:
    """The chunks of a result's finest level."""
    given = (
        {} if file.chunks is None else dict(zip(file.scan.result_axes, file.chunks, strict=True))
    )
    wanted = {"y": CHUNK_PX, "x": CHUNK_PX} | given
    return tuple(min(n, wanted.get(a, 1)) for a, n in zip(file.axes, file.shape, strict=True))


def size_of_coarser(file: ResultFile) -> int:
    """The number of voxels that all coarser levels have together."""
    return sum(prod(level.shape) for level in plan_levels(file)[1:])


def takes_means(file: ResultFile) -> bool:
    """Whether coarser levels are means; numbers of classes and of objects have none."""
    return bool(np.issubdtype(file.dtype, np.floating))


def mean_of(values: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """The means of blocks of `factors` voxels, 1 or 2 along each axis; at an odd end, of what is
    left of a block.
    """
    for axis, factor in enumerate(factors):
        if factor == 2:
            values = _mean_of_pairs(values, axis)
    return values


def _mean_of_pairs(values: np.ndarray, axis: int) -> np.ndarray:
    line = np.moveaxis(values, axis, 0)
    mean = line[::2].astype(np.float32)
    second = line[1::2]
    mean[: len(second)] = (mean[: len(second)] + second) / 2
    return np.moveaxis(mean, 0, axis)


def _coarser(level: Level, halved: list[bool], mean: bool) -> Level:
    factors = tuple(2 if may and n > 1 else 1 for n, may in zip(level.shape, halved, strict=True))
    shape = tuple(-(-n // factor) for n, factor in zip(level.shape, factors, strict=True))
    return Level(
        shape=shape,
        chunks=tuple(min(n, chunk) for n, chunk in zip(shape, level.chunks, strict=True)),
        scale=tuple(size * factor for size, factor in zip(level.scale, factors, strict=True)),
        translation=tuple(
            start + (size * (factor - 1) / 2 if mean else 0.0)
            for start, size, factor in zip(level.translation, level.scale, factors, strict=True)
        ),
        factors=factors,
    )
