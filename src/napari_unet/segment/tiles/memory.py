"""How large a tile may be: what one costs, and what the machine has."""

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import round_up
from napari_unet.model.head import head_of
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.tiles.tiling import AxisCut, Lattice, ways_to_cut
from napari_unet.words import data_size

# bytes at the peak, per voxel of a window and feature of the first level
BYTES_UNFUSED = {
    2: 34,
    3: 43,
}  # of torch on cards in float32, and where it can not fuse: blocks that add their input
BYTES_PER_FEATURE: dict[Kind, dict[int, int]] = {
    "torch": {2: 18, 3: 15},
    "torch on a card": BYTES_UNFUSED,
    "torch on Metal": BYTES_UNFUSED,
    "torch on Metal in half": BYTES_UNFUSED,
    "openvino": {2: 18, 3: 16},
    "torch in half": {2: 15, 3: 12},
    "torch on a card in half": {2: 16, 3: 18},
    "openvino in half": {2: 11, 3: 10},
}
BYTES_PER_OUTPUT = 16
BYTES_PER_INPUT = 8
READ_BYTES = (
    32  # per scan voxel and channel: what was read, its wide copy, what is taken of it, and a mask
)
WRITE_BYTES = 12  # per scan voxel and output: probabilities on their way to the scan's grid
# per scan voxel and output: probabilities of the tile before, which are still being shown or
# written
HELD_BYTES = 4
LABEL_BYTES = (
    3  # per scan voxel: labels, those of the tile before, and where the scan is not finite
)
WINDOW_BYTES = {2: 14 * 10**8, 3: 29 * 10**8}
WINDOW_BYTES_ON_CARD = {2: 5 * 10**9, 3: 12 * 10**9}
RAM_SHARE, CARD_SHARE = 0.25, 0.5
LEAST_BELIEVED, MOST_BELIEVED = 0.75, 2.0  # of what is expected
MOST_RAM_SHARE = 0.6  # what the smallest possible tile may take


def core_shape(
    config: UNetConfig,
    lattice: Lattice,
    ram_bytes: float,
    tile_px: int | None = None,
    kind: Kind = "torch",
    measured: float | None = None,
) -> tuple[int, ...]:
    """The core, in model voxels per axis, with which a frame costs least among those whose window
    fits; `tile_px` overrules it.

    What a frame costs is what is computed, halos included: tiles are as large as an engine of that
    kind may have them, and of the shape that leaves the least of them to the halo. `measured` is
    what a voxel is known to take here; it decides how large tiles are, but refuses none. Raises
    `SettingsError` where even the smallest tile, or one of `tile_px`, does not fit into the memory.
    """
    each = voxel_bytes(config, lattice, kind)
    if tile_px is not None:
        return _wished(lattice, tile_px, each, ram_bytes)
    cuts = [ways_to_cut(lattice, axis) for axis in range(config.dimensions)]
    least = math.prod(min(cut.window for cut in ways) for ways in cuts) * each
    if least > MOST_RAM_SHARE * ram_bytes:
        raise SettingsError(
            f"The smallest tile of this model needs {data_size(least)}, and {data_size(ram_bytes)} are free. Choose a model with "
            f"fewer poolings, {'' if all(m.same for m in lattice.maps) else 'switch matching the pixel size off, '}or free some memory."
        )
    on_card = kind.startswith("torch on a card")
    window_bytes, share = (
        (WINDOW_BYTES_ON_CARD, CARD_SHARE) if on_card else (WINDOW_BYTES, RAM_SHARE)
    )
    most = min(window_bytes[config.dimensions], share * ram_bytes) / voxel_bytes(
        config, lattice, kind, measured
    )
    return tuple(cut.core for cut in _cheapest(cuts, max(least / each, most)))


def _cheapest(cuts: Sequence[Sequence[AxisCut]], most_voxels: float) -> list[AxisCut]:
    """Of the ways to cut each axis, those that compute the least with windows of so many voxels at
    most.
    """
    windows = reduce(
        np.multiply.outer, [np.array([cut.window for cut in ways], float) for ways in cuts]
    )
    tiles = reduce(
        np.multiply.outer, [np.array([cut.tiles for cut in ways], float) for ways in cuts]
    )
    computed = np.where(windows <= most_voxels, windows * tiles, np.inf)
    chosen = np.unravel_index(int(np.argmin(computed)), computed.shape)
    return [ways[int(at)] for ways, at in zip(cuts, chosen, strict=True)]


def voxel_bytes(
    config: UNetConfig, lattice: Lattice, kind: Kind = "torch", measured: float | None = None
) -> int:
    """What a voxel of a window costs at the peak, in bytes: reading, the network and writing come
    one after the other.

    Where the scan's grid is finer than the model's, many scan voxels belong to one of the window.
    What was `measured` on this machine takes the place of what the network is expected to take, as
    far as one measurement beside other work can be believed.
    """
    finer = math.prod(max(1.0, axis_map.factor) for axis_map in lattice.maps)
    unfused = kind in ("torch", "torch in half") and config.residual
    each = (BYTES_UNFUSED if unfused else BYTES_PER_FEATURE[kind])[config.dimensions]
    outputs = head_of(config).channels
    network: float = (
        each * config.width + BYTES_PER_INPUT * config.in_channels + BYTES_PER_OUTPUT * outputs
    )
    if measured is not None:
        network = min(max(measured, LEAST_BELIEVED * network), MOST_BELIEVED * network)
    read = READ_BYTES * config.in_channels
    write = WRITE_BYTES * outputs
    held = HELD_BYTES * outputs + LABEL_BYTES
    return math.ceil(max(network, finer * read, finer * write) + finer * held)


def _wished(lattice: Lattice, tile_px: int, each: int, ram_bytes: float) -> tuple[int, ...]:
    """A core of `tile_px`, if the memory can take its window."""
    core = tuple(round_up(tile_px, stride) for stride in lattice.strides)
    window = [
        min(padded, side + 2 * reach)
        for padded, side, reach in zip(lattice.padded, core, lattice.reach, strict=True)
    ]
    needed = math.prod(window) * each
    if needed > MOST_RAM_SHARE * ram_bytes:
        raise SettingsError(
            f"Tiles of {tile_px} pixels need {data_size(needed)} with this model, and {data_size(ram_bytes)} are free. "
            "Choose smaller tiles, or leave their size to the program."
        )
    return core
