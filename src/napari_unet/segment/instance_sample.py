"""The parts of a frame that a network's own statistics are taken of, where it normalises by instance."""

import math

import numpy as np

from napari_unet.scans.scan import Slices
from napari_unet.segment.tiling import Lattice

WHOLE_VOXELS = {2: 2**20, 3: 2**21}  # frames up to this size are taken whole: the statistics are those of the whole image
SIDE = {2: 256, 3: 64}


def sample_windows(lattice: Lattice) -> list[Slices]:
    """Windows of one size, in model voxels: the whole frame, or as much of it as may be, of a seeded choice.

    It follows from the frame alone, so that all who work at one result agree.
    """
    dimensions = len(lattice.padded)
    if math.prod(lattice.padded) <= WHOLE_VOXELS[dimensions]:
        return [tuple(slice(0, side) for side in lattice.padded)]
    sides = [min(side, max(SIDE[dimensions] // step, 1) * step) for side, step in zip(lattice.padded, lattice.strides, strict=True)]
    grid = [side // size for side, size in zip(lattice.padded, sides, strict=True)]
    wanted = min(WHOLE_VOXELS[dimensions] // math.prod(sides), math.prod(grid))
    chosen = np.random.default_rng(list(lattice.padded)).choice(math.prod(grid), wanted, replace=False)
    places = [np.unravel_index(int(number), grid) for number in sorted(chosen)]
    return [tuple(slice(int(at) * size, (int(at) + 1) * size) for at, size in zip(place, sides, strict=True)) for place in places]
