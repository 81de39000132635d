"""Tiles of one frame whose cores are exactly right, and the order in which they come.

Windows live on the model's grid, aligned to the network's strides, and all windows of a plan have
one shape. A window reaches a halo beyond its core except where the frame ends. What each tile
writes is a part of the scan's grid, cut in even steps, so that a file's chunks can be cut alike;
together the parts cover the region once. The tile nearest the focus may come a second time, smaller
and first: tiles are exact, so nothing changes when the larger one covers it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from napari_unet.model.geometry import round_up
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import Slices

FIRST_TILE_PX = {2: 128, 3: 32}  # side of its core
WORTH_A_FIRST_TILE = (
    3  # windows that are so many times larger than the small one are preceded by it
)


@dataclass(frozen=True)
class Tile:
    """One tile: the window to read and the core to keep on the model's grid, and the part of the
    scan to write.

    A `provisional` one lies within a later tile of the plan, which writes the same again.
    """

    window: Slices
    core: Slices
    write: Slices
    provisional: bool = False


@dataclass(frozen=True)
class TilePlan:
    """All tiles of one frame, in order.

    `padded` is the frame on the model's grid, up to the stride; `steps` are the scan voxels per
    axis from one tile to the next.
    """

    maps: tuple[AxisMap, ...]
    padded: tuple[int, ...]
    tiles: tuple[Tile, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class AxisCut:
    """An axis of a frame cut into tiles: the side of a core at most, how many tiles, and the side
    of a window, in model voxels.
    """

    core: int
    tiles: int
    window: int


@dataclass(frozen=True)
class Lattice:
    """What tiles of a frame have in common, per axis: how the grids relate, strides, and halo.

    The small tile that comes first may have another halo, of less: a larger tile takes its place.
    """

    maps: tuple[AxisMap, ...]
    strides: tuple[int, ...]
    halo: tuple[int, ...]
    first_halo: tuple[int, ...] | None = None

    @property
    def padded(self) -> tuple[int, ...]:
        """The frame's shape on the model's grid, rounded up to the strides."""
        return tuple(
            round_up(m.model_length, s) for m, s in zip(self.maps, self.strides, strict=True)
        )

    @property
    def reach(self) -> tuple[int, ...]:
        """How far a window reaches beyond the lattice's cell: the halo, and what resampling back
        needs.
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
    """Cover `region` (scan voxels) with tiles of at most `core_px` model voxels, the nearest to
    `focus` first.

    With `small_first`, a small tile at the focus comes before them where they are large.
    """
    cuts, axes = _axes(lattice, region, core_px)
    tiles = [_tile(parts) for parts in _product(axes)]
    if focus is not None:
        tiles.sort(key=lambda tile: distance(tile.write, focus))
    if focus is not None and small_first:
        tiles = [*_first_tile(lattice, tiles[0], focus), *tiles]
    return TilePlan(
        lattice.maps, lattice.padded, tuple(tiles), tuple(axis_cuts.step for axis_cuts in cuts)
    )


def plan_size(
    lattice: Lattice, region: Slices, core_px: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """How many tiles such a plan has, and the shape of their windows, without making them."""
    _, axes = _axes(lattice, region, core_px)
    windows = [axis[0][0] for axis in axes]
    return math.prod(map(len, axes)), tuple(window.stop - window.start for window in windows)


def window_voxels(plan: TilePlan) -> int:
    """Voxels of a window, which are as many in every tile of a plan."""
    return _voxels(plan.tiles[0].window)


def computed_share(lattice: Lattice, core_px: Sequence[int]) -> float:
    """How many voxels are computed for each one of a whole frame."""
    tiles, window = plan_size(lattice, tuple(slice(0, m.length) for m in lattice.maps), core_px)
    return tiles * math.prod(window) / math.prod(lattice.padded)


@lru_cache(maxsize=64)  # asked for anew with each choice in the window
def ways_to_cut(lattice: Lattice, axis: int) -> tuple[AxisCut, ...]:
    """The ways to cut the whole of an axis into even tiles, the fewest first: of those with as many
    tiles, the smallest.
    """
    axis_map = lattice.maps[axis]
    stride = lattice.strides[axis]
    cells = lattice.padded[axis] // stride
    ways = dict[int, AxisCut]()
    for size in {math.ceil(cells / count) * stride for count in range(1, cells + 1)}:
        parts = _axis_tiles(
            axis_map,
            stride,
            lattice.halo[axis],
            _cuts(axis_map, stride, slice(0, axis_map.length), size),
        )
        cut = AxisCut(size, len(parts), _length(parts[0][0]))
        known = ways.get(len(parts))
        if known is None or (cut.window, cut.core) < (known.window, known.core):
            ways[cut.tiles] = cut
    return tuple(ways[count] for count in sorted(ways))


def _tile(parts: "list[AxisPart]") -> Tile:
    window, core, write = zip(*parts, strict=True)
    return Tile(window, core, write)


AxisPart = tuple[slice, slice, slice]


@dataclass(frozen=True)
class _Cuts:
    """The parts of an axis of the scan that tiles write, and the step from one to the next."""

    writes: tuple[slice, ...]
    step: int


def _axes(
    lattice: Lattice, region: Slices, core_px: Sequence[int]
) -> tuple[list[_Cuts], list[list[AxisPart]]]:
    """How each axis is cut, and the parts of all tiles along it."""
    cuts = [
        _cuts(*axis) for axis in zip(lattice.maps, lattice.strides, region, core_px, strict=True)
    ]
    return cuts, [
        _axis_tiles(*axis)
        for axis in zip(lattice.maps, lattice.strides, lattice.halo, cuts, strict=True)
    ]


def _axis_tiles(axis_map: AxisMap, stride: int, halo: int, cuts: _Cuts) -> list[AxisPart]:
    """Window, core and write of every tile along one axis."""
    cores = [slice(*axis_map.model_range(write.start, write.stop)) for write in cuts.writes]
    padded = round_up(axis_map.model_length, stride)
    firsts = [max(core.start // stride * stride - halo, 0) for core in cores]
    stops = [min(round_up(core.stop, stride) + halo, padded) for core in cores]
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
    first = start if axis_map.same else region.start
    step = size if axis_map.same else _scan_step(axis_map, stride, size, region.stop - region.start)
    edges = range(first, region.stop, step)
    return _Cuts(
        tuple(slice(max(edge, region.start), min(edge + step, region.stop)) for edge in edges), step
    )


def _scan_step(axis_map: AxisMap, stride: int, size: int, length: int) -> int:
    """The step in scan voxels whose windows are not larger than those of `size` model voxels; a
    round number if it can be.
    """
    slack = round_up(axis_map.margin, stride) - axis_map.margin
    most = max(1, math.floor(min(size, size + 2 * slack - stride + 1) * axis_map.factor))
    even = math.ceil(length / math.ceil(length / most))
    return next(step for unit in (64, 16, 4, 1) if (step := round_up(even, unit)) <= most)


def _first_tile(lattice: Lattice, nearest: Tile, focus: Sequence[float]) -> list[Tile]:
    """A small tile around the focus within the nearest one, where that is so large that it would be
    waited for.
    """
    core_px = FIRST_TILE_PX[len(focus)]
    around = []
    for axis_map, part, at in zip(lattice.maps, nearest.write, focus, strict=True):
        side = max(1, round(core_px * axis_map.factor))
        start = min(max(round(at) - side // 2, part.start), max(part.start, part.stop - side))
        around.append(slice(start, min(start + side, part.stop)))
    less = lattice if lattice.first_halo is None else replace(lattice, halo=lattice.first_halo)
    small = plan_tiles(
        less, tuple(around), [round_up(core_px, stride) + 2 * stride for stride in lattice.strides]
    ).tiles
    if len(small) != 1 or _voxels(nearest.window) < WORTH_A_FIRST_TILE * _voxels(small[0].window):
        return []
    return [replace(small[0], provisional=True)]


def _product(axes: list[list[AxisPart]]) -> list[list[AxisPart]]:
    rows: list[list[AxisPart]] = [[]]
    for parts in axes:
        rows = [[*row, part] for row in rows for part in parts]
    return rows


def _voxels(slices: Slices) -> int:
    return math.prod(map(_length, slices))


def _length(part: slice) -> int:
    length: int = part.stop - part.start
    return length


def distance(write: Slices, focus: Sequence[float]) -> tuple[float, float]:
    """Distance of the focus from a tile, then from its centre."""
    outside = [
        max(part.start - at, at - (part.stop - 1), 0.0)
        for part, at in zip(write, focus, strict=True)
    ]
    centre = [(part.start + part.stop - 1) / 2 - at for part, at in zip(write, focus, strict=True)]
    return math.hypot(*outside), math.hypot(*centre)
