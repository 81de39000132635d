"""The parts of a frame that a network's own statistics are taken of, where it normalises by
instance.
"""

import math

import numpy as np

from napari_unet.model.config import UNetConfig
from napari_unet.scans.scan import Slices
from napari_unet.segment.tiles.memory import BYTES_UNFUSED
from napari_unet.segment.tiles.tiling import Lattice

SAMPLE_BYTES = {2: 10**9, 3: 15 * 10**8}  # of a pass through the network as it is
SIDE = {2: 256, 3: 64}


def most_voxels(config: UNetConfig) -> int:
    """Frames up to this size are taken whole: the statistics are those of the whole image."""
    return SAMPLE_BYTES[config.dimensions] // (BYTES_UNFUSED[config.dimensions] * config.width)


def sample_bytes(config: UNetConfig, lattice: Lattice) -> int:
    """What taking the statistics needs at its peak; nothing where there are none to take."""
    if config.norm != "instance":
        return 0
    return (
        min(most_voxels(config), math.prod(lattice.padded))
        * BYTES_UNFUSED[config.dimensions]
        * config.width
    )


def sample_windows(config: UNetConfig, lattice: Lattice) -> list[Slices]:
    """Windows of one size, in model voxels: the whole frame, or as much of it as may be, of a
    seeded choice.

    It follows from network and frame alone, so that all who work at one result agree.
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
    wanted = min(max(1, most // math.prod(sides)), math.prod(grid))
    chosen = np.random.default_rng(list(lattice.padded)).choice(
        math.prod(grid), wanted, replace=False
    )
    places = [np.unravel_index(int(number), grid) for number in sorted(chosen)]
    return [
        tuple(
            slice(int(at) * size, (int(at) + 1) * size)
            for at, size in zip(place, sides, strict=True)
        )
        for place in places
    ]
