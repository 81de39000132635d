"""Cutting a frame into tiles whose cores are exactly right, and the order in which they come.

Three parts belong to a tile. Its *window* is what the network is given, on the model's grid and
aligned to the network's strides, so that pooling meets the same groups of voxels as in the whole
frame. Its *core* is the part of the window that is right: a halo inside the window, except where
the frame ends. What it *writes* is the part of the scan that follows from the core; these parts are
cut in even steps, so that the chunks of a file can be cut alike, and together they cover the region
once. All windows of a plan have the same shape, so that an engine prepares itself once.

The tile nearest to where the user looks may come twice: first a small tile within it, which is
there in a moment, then the whole one. Tiles are exact, so nothing changes when that replaces it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from napari_unet.model.geometry import round_up
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import Slices

FIRST_TILE_PX = {2: 128, 3: 32}  # side of the core of the small tile that comes first
# how many times larger than the small tile's the windows are where one is worth while
WORTH_A_FIRST_TILE = 3


@dataclass(frozen=True)
class Tile:
    """One tile: `window` to compute and `core` to use, on the model's grid; what to `write`, on the
    scan's.

    A `provisional` tile lies within a later tile of the plan, which writes the same again.
    """

    window: Slices
    core: Slices
    write: Slices
    provisional: bool = False


@dataclass(frozen=True)
class TilePlan:
    """All tiles of one frame, in order; `steps` are the scan voxels per axis from one tile to the
    next.
    """

    tiles: tuple[Tile, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class AxisCut:
    """One way to cut an axis of a frame: the longest side of a core, how many tiles that makes, and
    the side of a window, in model voxels.
    """

    core: int
    tiles: int
    window: int


@dataclass(frozen=True)
class Lattice:
    """What all tiles of a frame share, per axis: `maps` between the grids of scan and model, the
    network's `strides`, and the `halo`.

    The small tile that comes first may have a smaller halo, since a larger tile replaces it.
    """

    maps: tuple[AxisMap, ...]
    strides: tuple[int, ...]
    halo: tuple[int, ...]
    first_halo: tuple[int, ...] | None = None

    @property
    def padded(self) -> tuple[int, ...]:
        """The shape of the frame on the model's grid, rounded up to the strides."""
        return tuple(
            round_up(m.model_length, s) for m, s in zip(self.maps, self.strides, strict=True)
        )

    @property
    def reach(self) -> tuple[int, ...]:
        """How far a window extends beyond its tile: the halo, and what resampling back to the scan
        takes in besides.
        """
        return tuple(
            h + round_up(m.margin, s)
            for h, m, s in zip(self.halo, self.maps, self.strides, strict=True)
        )


def plan_tiles(
    lattice: Lattice,
    region: Slices,
    core_px: Sequence[int],
    focus: Sequence[float] | None = None,
    small_first: bool = False,
) -> TilePlan:
    """Cover `region` (scan voxels) with tiles whose cores have at most `core_px` model voxels, the
    nearest to `focus` first.

    With `small_first`, a small tile at the focus comes before them if they are large.
    """
    cuts, axes = _axes(lattice, region, core_px)
    tiles = [_tile(parts) for parts in _product(axes)]
    if focus is not None:
        tiles.sort(key=lambda tile: distance(tile.write, focus))
    if focus is not None and small_first:
        tiles = [*_first_tile(lattice, tiles[0], focus), *tiles]
    return TilePlan(tuple(tiles), tuple(cut.step for cut in cuts))


def plan_size(
    lattice: Lattice, region: Slices, core_px: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """How many tiles `plan_tiles` makes, and the shape of their windows, without making them."""
    _, axes = _axes(lattice, region, core_px)
    windows = [axis[0][0] for axis in axes]
    return math.prod(map(len, axes)), tuple(map(_length, windows))


def window_voxels(plan: TilePlan) -> int:
    """How many voxels a window has; in a plan all have as many."""
    return _voxels(plan.tiles[0].window)


def computed_share(lattice: Lattice, core_px: Sequence[int]) -> float:
    """How many voxels are computed for each voxel of a whole frame; 1 would be without any halo."""
    tiles, window = plan_size(lattice, tuple(slice(0, m.length) for m in lattice.maps), core_px)
    return tiles * math.prod(window) / math.prod(lattice.padded)


@lru_cache(maxsize=64)  # the window needs it again after each choice of the user
def ways_to_cut(lattice: Lattice, axis: int) -> tuple[AxisCut, ...]:
    """The ways to cut a whole axis into even tiles, the fewest tiles first; of those with as many
    tiles, the one with the smallest windows.
    """
    axis_map = lattice.maps[axis]
    stride = lattice.strides[axis]
    whole = slice(0, axis_map.length)
    cells = lattice.padded[axis] // stride
    ways = dict[int, AxisCut]()
    for size in {math.ceil(cells / count) * stride for count in range(1, cells + 1)}:
        cuts = _cuts(axis_map, stride, whole, size)
        parts = _axis_tiles(axis_map, stride, lattice.halo[axis], cuts)
        cut = AxisCut(size, len(parts), _length(parts[0][0]))
        known = ways.get(cut.tiles)
        if known is None or (cut.window, cut.core) < (known.window, known.core):
            ways[cut.tiles] = cut
    return tuple(ways[count] for count in sorted(ways))


def distance(write: Slices, focus: Sequence[float]) -> tuple[float, float]:
    """How far the focus is from a tile (0 within it) and, to order tiles alike, from its centre."""
    sides = list(zip(write, focus, strict=True))
    outside = [max(part.start - at, at - (part.stop - 1), 0.0) for part, at in sides]
    centre = [(part.start + part.stop - 1) / 2 - at for part, at in sides]
    return math.hypot(*outside), math.hypot(*centre)


AxisPart = tuple[slice, slice, slice]  # window, core and write of a tile along one axis


@dataclass(frozen=True)
class _Cuts:
    """The parts of an axis of the scan that tiles write, and the step from one to the next."""

    writes: tuple[slice, ...]
    step: int


def _axes(
    lattice: Lattice, region: Slices, core_px: Sequence[int]
) -> tuple[list[_Cuts], list[list[AxisPart]]]:
    """How each axis is cut, and what all tiles have along it."""
    axes = zip(lattice.maps, lattice.strides, region, core_px, strict=True)
    cuts = [_cuts(*axis) for axis in axes]
    axes_cut = zip(lattice.maps, lattice.strides, lattice.halo, cuts, strict=True)
    return cuts, [_axis_tiles(*axis) for axis in axes_cut]


def _axis_tiles(axis_map: AxisMap, stride: int, halo: int, cuts: _Cuts) -> list[AxisPart]:
    """Window, core and write of every tile along one axis."""
    cores = [slice(*axis_map.model_range(write.start, write.stop)) for write in cuts.writes]
    padded = round_up(axis_map.model_length, stride)
    firsts = [max(core.start // stride * stride - halo, 0) for core in cores]
    stops = [min(round_up(core.stop, stride) + halo, padded) for core in cores]
    # all windows get the longest side; those at the frame's end are moved back into it, which
    # gives their cores more context than they need
    length = max(stop - first for first, stop in zip(firsts, stops, strict=True))
    firsts = [min(first, padded - length) for first in firsts]
    return [
        (slice(first, first + length), core, write)
        for first, core, write in zip(firsts, cores, cuts.writes, strict=True)
    ]


def _cuts(axis_map: AxisMap, stride: int, region: slice, core_px: int) -> _Cuts:
    """Cut a region in even steps, of about `core_px` model voxels at most."""
    needed, stop = axis_map.model_range(region.start, region.stop)
    start = needed // stride * stride
    count = max(1, math.ceil((stop - start) / max(core_px, stride)))
    if count == 1:
        return _Cuts((region,), region.stop - region.start)
    size = round_up(math.ceil((stop - start) / count), stride)
    # on one grid, edges lie on strides, so that no window is longer than core and halo
    first = start if axis_map.same else region.start
    step = size if axis_map.same else _scan_step(axis_map, stride, size, region.stop - region.start)
    edges = range(first, region.stop, step)
    writes = [slice(max(at, region.start), min(at + step, region.stop)) for at in edges]
    return _Cuts(tuple(writes), step)


def _scan_step(axis_map: AxisMap, stride: int, size: int, length: int) -> int:
    """The step in scan voxels with which windows are no larger than those of `size` model voxels.

    Where it can be it is a round number, which chunks of a file divide.
    """
    # `Lattice.reach` rounds the margin up to strides; what it has too much can be used by cores
    slack = round_up(axis_map.margin, stride) - axis_map.margin
    most = max(1, math.floor(min(size, size + 2 * slack - stride + 1) * axis_map.factor))
    even = math.ceil(length / math.ceil(length / most))
    return next(step for unit in (64, 16, 4, 1) if (step := round_up(even, unit)) <= most)


def _first_tile(lattice: Lattice, nearest: Tile, focus: Sequence[float]) -> list[Tile]:
    """A small tile around the focus within the nearest tile; none where that is small itself."""
    core_px = FIRST_TILE_PX[len(focus)]
    around = []
    for axis_map, part, at in zip(lattice.maps, nearest.write, focus, strict=True):
        side = max(1, round(core_px * axis_map.factor))
        start = min(max(round(at) - side // 2, part.start), max(part.start, part.stop - side))
        around.append(slice(start, min(start + side, part.stop)))
    less = lattice if lattice.first_halo is None else replace(lattice, halo=lattice.first_halo)
    # room for the alignment to strides at both ends, so that one tile is enough
    sides = [round_up(core_px, stride) + 2 * stride for stride in lattice.strides]
    small = plan_tiles(less, tuple(around), sides).tiles
    if len(small) != 1 or _voxels(nearest.window) < WORTH_A_FIRST_TILE * _voxels(small[0].window):
        return []
    return [replace(small[0], provisional=True)]


def _tile(parts: list[AxisPart]) -> Tile:
    window, core, write = zip(*parts, strict=True)
    return Tile(window, core, write)


def _product(axes: list[list[AxisPart]]) -> list[list[AxisPart]]:
    """Every combination of one part from each axis, the last axis running fastest."""
    rows: list[list[AxisPart]] = [[]]
    for parts in axes:
        rows = [[*row, part] for row in rows for part in parts]
    return rows


def _voxels(slices: Slices) -> int:
    return math.prod(map(_length, slices))


def _length(part: slice) -> int:
    length: int = part.stop - part.start
    return length
