"""Which parts of a frame give a network its statistics, where it normalises by instance.

Such a network takes mean and variance of its features over the image that it is given. Tile by tile
they would differ from those of the whole image, and tiles would show. So they are taken once for a
frame, of the whole of it where it is small enough, else of a sample, and then held fixed.
"""

import math

import numpy as np

from napari_unet.model.config import UNetConfig
from napari_unet.scans.scan import Slices
from napari_unet.segment.tiles.memory import BYTES_UNFUSED
from napari_unet.segment.tiles.tiling import Lattice

SAMPLE_BYTES = {2: 10**9, 3: 15 * 10**8}  # for one pass of the sample through the network
SIDE = {2: 256, 3: 64}  # of a window of the sample, about


def most_voxels(config: UNetConfig) -> int:
    """The largest sample; a frame up to this size is taken whole."""
    return SAMPLE_BYTES[config.dimensions] // (BYTES_UNFUSED[config.dimensions] * config.width)


def sample_bytes(config: UNetConfig, lattice: Lattice) -> int:
    """The most memory that taking the statistics needs; 0 for a network that needs none."""
    if config.norm != "instance":
        return 0
    voxels = min(most_voxels(config), math.prod(lattice.padded))
    return voxels * BYTES_UNFUSED[config.dimensions] * config.width


def sample_windows(config: UNetConfig, lattice: Lattice) -> list[Slices]:
    """The windows of a frame's sample, all of one size, in model voxels: the whole frame, or some
    of the cells of a grid, chosen at random.

    The choice follows from network and frame alone, so that all who compute parts of one result
    choose alike.
    """
    dimensions = config.dimensions
    most = most_voxels(config)
    if math.prod(lattice.padded) <= most:
        return [tuple(slice(0, side) for side in lattice.padded)]
    sides = [
        min(side, max(SIDE[dimensions] // step, 1) * step)
        for side, step in zip(lattice.padded, lattice.strides, strict=True)
    ]
    grid = [side // size for side, size in zip(lattice.padded, sides, strict=True)]
    cells = math.prod(grid)
    wanted = min(max(1, most // math.prod(sides)), cells)
    generator = np.random.default_rng(list(lattice.padded))
    chosen = generator.choice(cells, wanted, replace=False)
    indices = [np.unravel_index(int(number), grid) for number in sorted(chosen)]
    return [
        tuple(
            slice(int(at) * size, (int(at) + 1) * size)
            for at, size in zip(index, sides, strict=True)
        )
        for index in indices
    ]
