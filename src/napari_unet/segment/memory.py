"""How large a tile may be: what one costs, and what the machine has."""

import math

from napari_unet.errors import SettingsError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import round_up
from napari_unet.segment.tiling import Lattice

BYTES_PER_FEATURE = {2: 27, 3: 18}  # at the peak, per voxel and feature of the first level
BYTES_PER_OUTPUT = 16
BYTES_PER_INPUT = 8
WINDOW_BYTES = {2: 2**30, 3: 3 * 2**30}
RAM_SHARE = 0.25
MOST_RAM_SHARE = 0.6  # what the smallest possible tile may take


def core_shape(config: UNetConfig, lattice: Lattice, ram_bytes: int, tile_px: int | None = None) -> tuple[int, ...]:
    """The largest core, in model voxels per axis, whose window fits; `tile_px` overrules it.

    Short axes are taken whole, and the others share what that leaves. Raises `SettingsError` where
    even the smallest tile does not fit into the memory.
    """
    if tile_px is not None:
        return tuple(round_up(tile_px, stride) for stride in lattice.strides)
    each = voxel_bytes(config)
    least = _windows(lattice, 0)
    if math.prod(least) * each > MOST_RAM_SHARE * ram_bytes:
        raise SettingsError(
            f"The smallest tile of this model needs {math.prod(least) * each / 2**30:.1f} GB, and {ram_bytes / 2**30:.1f} GB are free. "
            "Choose a model with fewer poolings, or free some memory."
        )
    budget = min(WINDOW_BYTES[config.dimensions], RAM_SHARE * ram_bytes)
    side, step = 0, max(lattice.strides)
    while math.prod(_windows(lattice, side + step)) * each <= budget and side < max(lattice.padded):
        side += step
    return tuple(
        padded if window == padded else window - 2 * reach
        for window, padded, reach in zip(_windows(lattice, side), lattice.padded, lattice.reach, strict=True)
    )


def voxel_bytes(config: UNetConfig) -> int:
    """What a voxel of a window costs at the peak, in bytes."""
    outside = BYTES_PER_INPUT * config.in_channels + BYTES_PER_OUTPUT * config.out_channels
    return BYTES_PER_FEATURE[config.dimensions] * config.width + outside


def _windows(lattice: Lattice, side: int) -> tuple[int, ...]:
    """The window whose longer sides are about `side`: never less than a stride of core, never more than the frame."""
    return tuple(
        min(padded, max(2 * reach + stride, side // stride * stride))
        for padded, reach, stride in zip(lattice.padded, lattice.reach, lattice.strides, strict=True)
    )
