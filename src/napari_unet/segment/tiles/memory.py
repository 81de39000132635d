"""How large tiles may be: what a tile needs, and what the machine has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import round_up
from napari_unet.model.head import head_of
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.tiles.tiling import AxisCut, Lattice, ways_to_cut
from napari_unet.words import data_size

# Bytes at the peak, in 2D and 3D. First of the network, per voxel of a window and feature of the
# first level: of torch on cards in float32, and wherever its convolutions can not take ReLU and
# addition in, as in blocks that add their input …
BYTES_UNFUSED = {2: 34, 3: 43}
# … and of each kind of engine otherwise
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
# per voxel of a window, and channel in or out
BYTES_PER_INPUT = 8
BYTES_PER_OUTPUT = 16
# the same where every level has a head: scores that come up, and their neighbours
BYTES_PER_OUTPUT_OF_LEVELS = 40
# per scan voxel and channel in: what was read, a copy in float32 or float64, the part used, a mask
READ_BYTES = 32
# per scan voxel and channel out: probabilities on their way to the scan's grid
WRITE_BYTES = 12
# per scan voxel and channel out: probabilities of the tile before, still being shown or written
PREVIOUS_BYTES = 4
# per scan voxel: labels, those of the tile before, and where the scan is not finite
LABEL_BYTES = 3
# the most that a window may take, so that a run stays below 3 GB whatever the machine has
WINDOW_BYTES = {2: 14 * 10**8, 3: 29 * 10**8}
WINDOW_BYTES_ON_CARD = {2: 5 * 10**9, 3: 12 * 10**9}
# the share of free memory that a window may take
RAM_SHARE = 0.25
CARD_SHARE = 0.5
MOST_RAM_SHARE = 0.6  # the same for the smallest possible tile, and for one the user asks for
# how far from the expected number of bytes a measured one may be to be believed
LEAST_BELIEVED = 0.75
MOST_BELIEVED = 2.0


@dataclass(frozen=True)
class EngineMemory:
    """What an engine of a kind can take, and what one voxel of a window was measured to take there,
    if it was.
    """

    free_bytes: float
    kind: Kind = "torch"
    measured_voxel_bytes: float | None = None


def core_shape(
    config: UNetConfig, lattice: Lattice, memory: EngineMemory, tile_px: int | None = None
) -> tuple[int, ...]:
    """The core, in model voxels per axis, with which a frame costs least among those whose windows
    fit into memory; with `tile_px`, one of that side.

    The cost of a frame is the number of voxels that are computed, halos included. So tiles are as
    large as they may be, and of the shape of which the halo takes the smallest part. What was
    measured decides how large tiles are, but refuses none. Raises `SettingsError` if the smallest
    tile, or one of `tile_px`, does not fit.
    """
    each = voxel_bytes(config, lattice, memory.kind)
    if tile_px is not None:
        return _core_of_side(lattice, tile_px, each, memory.free_bytes)
    cuts = [ways_to_cut(lattice, axis) for axis in range(config.dimensions)]
    least = math.prod(min(cut.window for cut in ways) for ways in cuts)
    _check_least(lattice, least * each, memory.free_bytes)
    measured = voxel_bytes(config, lattice, memory.kind, memory.measured_voxel_bytes)
    most = _window_bytes(config, memory) / measured
    return tuple(cut.core for cut in _cheapest(cuts, max(least, most)))


def _window_bytes(config: UNetConfig, memory: EngineMemory) -> float:
    """The most bytes that a window may take."""
    if memory.kind.startswith("torch on a card"):
        return min(WINDOW_BYTES_ON_CARD[config.dimensions], CARD_SHARE * memory.free_bytes)
    return min(WINDOW_BYTES[config.dimensions], RAM_SHARE * memory.free_bytes)


def _check_least(lattice: Lattice, needed: float, free: float) -> None:
    """Raise `SettingsError` if the smallest tile does not fit."""
    if needed <= MOST_RAM_SHARE * free:
        return
    resampled = not all(axis_map.same for axis_map in lattice.maps)
    finer_grid = "switch matching the pixel size off, " if resampled else ""
    raise SettingsError(
        f"The smallest tile of this model needs {data_size(needed)}, and {data_size(free)} are "
        f"free. Choose a model with fewer poolings, {finer_grid}or free some memory."
    )


def _cheapest(cuts: Sequence[Sequence[AxisCut]], most_voxels: float) -> list[AxisCut]:
    """Of the ways to cut each axis, those that together compute the fewest voxels with windows of
    at most so many.
    """
    # tables of all combinations, with one axis for the ways of each axis of the frame
    sides = [np.array([cut.window for cut in ways], float) for ways in cuts]
    numbers = [np.array([cut.tiles for cut in ways], float) for ways in cuts]
    windows = reduce(np.multiply.outer, sides)
    tiles = reduce(np.multiply.outer, numbers)
    computed = np.where(windows <= most_voxels, windows * tiles, np.inf)
    chosen = np.unravel_index(int(np.argmin(computed)), computed.shape)
    return [ways[int(at)] for ways, at in zip(cuts, chosen, strict=True)]


def voxel_bytes(
    config: UNetConfig, lattice: Lattice, kind: Kind = "torch", measured: float | None = None
) -> int:
    """The bytes that a voxel of a window takes at the peak: of reading, the network or writing,
    which come one after the other.

    Where the scan's grid is finer than the model's, many scan voxels belong to one of the window.
    What was `measured` on this machine replaces what the network is expected to take, as far as one
    measurement beside other programs can be believed.
    """
    finer = math.prod(max(1.0, axis_map.factor) for axis_map in lattice.maps)
    unfused = kind in ("torch", "torch in half") and config.residual
    each = (BYTES_UNFUSED if unfused else BYTES_PER_FEATURE[kind])[config.dimensions]
    outputs = head_of(config).channels
    every = config.head_levels == "every"
    of_scores = (BYTES_PER_OUTPUT_OF_LEVELS if every else BYTES_PER_OUTPUT) * outputs
    network: float = each * config.width + BYTES_PER_INPUT * config.in_channels + of_scores
    if measured is not None:
        network = min(max(measured, LEAST_BELIEVED * network), MOST_BELIEVED * network)
    read = READ_BYTES * config.in_channels
    write = WRITE_BYTES * outputs
    held = PREVIOUS_BYTES * outputs + LABEL_BYTES
    return math.ceil(max(network, finer * read, finer * write) + finer * held)


def _core_of_side(lattice: Lattice, tile_px: int, each: int, free: float) -> tuple[int, ...]:
    """A core of `tile_px` along each axis; raises `SettingsError` if its window does not fit."""
    core = tuple(round_up(tile_px, stride) for stride in lattice.strides)
    window = [
        min(padded, side + 2 * reach)
        for padded, side, reach in zip(lattice.padded, core, lattice.reach, strict=True)
    ]
    needed = math.prod(window) * each
    if needed > MOST_RAM_SHARE * free:
        raise SettingsError(
            f"Tiles of {tile_px} pixels need {data_size(needed)} with this model, and "
            f"{data_size(free)} are free. Choose smaller tiles, or leave their size to the program."
        )
    return core
