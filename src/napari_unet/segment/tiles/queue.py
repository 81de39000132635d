"""The tiles of a job that are still to be computed, nearest to where the user looks first.

A job's plan is made once, for all of its frames alike. The tiles of a frame are only listed when
its turn comes, so that a scan of many frames takes no memory for the tiles of all of them.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from napari_unet.scans.scan import Index
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.tiling import Lattice, Tile, distance, plan_tiles, window_voxels


@dataclass(frozen=True)
class Focus:
    """Where the user looks: a frame, and a point in it, in voxels."""

    frame: Index
    point: tuple[float, ...]


GetFocus = Callable[[], Focus | None]


class TileQueue:
    """What is left of a job's plan, put into a new order whenever the user looks elsewhere.

    `done` of `total` tiles are finished; `core_px` is the largest side of their cores, per axis in
    model voxels.
    """

    def __init__(
        self, job: SegmentJob, lattice: Lattice, core_px: tuple[int, ...], get_focus: GetFocus
    ) -> None:
        self.core_px = core_px
        self._planned_px = core_px
        self.done = 0
        self._job = job
        self._lattice = lattice
        self._get_focus = get_focus
        self._focus = get_focus()
        self._planned = plan_tiles(lattice, job.region, core_px)
        self._plan = self._planned
        # the tiles as planned, by number, and the smaller ones into which each is split by now
        self._whole = self._plan.tiles
        self._parts: list[tuple[Tile, ...]] = [(tile,) for tile in self._whole]
        self._wanted = {frame: self._wanted_of(frame) for frame in job.frames}
        self._frames = self._nearest_first(job.frames)
        self._left: dict[Index, list[Tile]] = {}  # of the frames whose tiles were listed
        self._add_first_tile()
        self.total = self._count()

    def next_tile(self) -> tuple[Index, Tile] | None:
        """The frame and the tile to be computed next; None if nothing is left."""
        if (focus := self._get_focus()) != self._focus:
            self._focus = focus
            self._frames = self._nearest_first(self._frames)
            self._left = {frame: self._in_order(tiles) for frame, tiles in self._left.items()}
            if not self.done:
                self._add_first_tile()
            self.total = self._count()
        while self._frames:
            if tiles := self._tiles_of(self._frames[0]):
                return self._frames[0], tiles[0]
            del self._left[self._frames.pop(0)]
        return None

    def following_tile(self) -> tuple[Index, Tile] | None:
        """The tile after the next one if the user goes on looking there; None if there is none."""
        first, *others = self._frames
        if len(self._left[first]) > 1:
            return first, self._left[first][1]
        for frame in others:
            if tiles := self._tiles_of(frame):
                return frame, tiles[0]
        return None

    def remove_next(self) -> None:
        """Take out the tile that `next_tile` gave: it is done, or is being computed."""
        del self._left[self._frames[0]][0]
        self.done += 1

    def can_split(self) -> bool:
        """Whether there are smaller tiles, which need less memory."""
        return self._smaller_core() is not None

    def split(self) -> None:
        """Split what is left into smaller tiles; what is finished stays."""
        self.core_px = self._smaller_core() or self.core_px
        self._plan = plan_tiles(self._lattice, self._job.region, self.core_px)
        self._parts = [self._parts_of(tile) for tile in self._whole]
        for frame, tiles in self._left.items():
            # the small tile that comes first is only there for speed, and falls away
            whole = (tile for tile in tiles if not tile.provisional)
            parts = (part for tile in whole for part in self._parts_of(tile))
            self._left[frame] = self._in_order(parts)
        self.total = self._count()

    def merge(self) -> None:
        """Undo `split` for the tiles of the plan of which no part is finished."""
        self.core_px = self._planned_px
        self._plan = self._planned
        self._parts = [(tile,) for tile in self._whole]
        self._left = {
            frame: self._in_order(self._merged(tiles)) for frame, tiles in self._left.items()
        }
        self.total = self._count()

    def _merged(self, tiles: Iterable[Tile]) -> Iterator[Tile]:
        """Tiles of a frame, where all parts of a planned tile are among them that tile instead."""
        starts = [
            sorted({tile.write[axis].start for tile in self._whole})
            for axis in range(len(self._whole[0].write))
        ]
        whole_at = {tuple(part.start for part in tile.write): tile for tile in self._whole}
        parts_at: dict[Index, list[Tile]] = {}
        for tile in tiles:
            # the corner of the planned tile: per axis, the last start that is not beyond this one
            corner = tuple(
                known[bisect_right(known, part.start) - 1]
                for known, part in zip(starts, tile.write, strict=True)
            )
            parts_at.setdefault(corner, []).append(tile)
        for corner, parts in parts_at.items():
            whole = whole_at[corner]
            yield from [whole] if sum(map(_size, parts)) == _size(whole) else parts

    def _wanted_of(self, frame: Index) -> Sequence[int]:
        """The numbers of the planned tiles that the job wants of a frame."""
        is_wanted = self._job.wanted
        if is_wanted is None:
            return range(len(self._whole))
        return [n for n, tile in enumerate(self._whole) if is_wanted(frame, tile.write)]

    def _nearest_first(self, frames: Iterable[Index]) -> list[Index]:
        """Frames, those next to the one that the user looks at first."""
        focus = self._focus
        if focus is None:
            return list(frames)

        def steps(frame: Index) -> int:
            return sum(abs(a - b) for a, b in zip(frame, focus.frame, strict=True))

        return sorted(frames, key=steps)

    def _in_order(self, tiles: Iterable[Tile]) -> list[Tile]:
        """Tiles of a frame, the nearest to the focus first; the small first tile is left out."""
        whole = [tile for tile in tiles if not tile.provisional]
        focus = self._focus
        if focus is None:
            return whole
        return sorted(whole, key=lambda tile: distance(tile.write, focus.point))

    def _tiles_of(self, frame: Index) -> list[Tile]:
        """What is left of a frame; listed when it is first needed."""
        if frame not in self._left:
            numbers = self._wanted[frame]
            self._left[frame] = self._in_order(part for n in numbers for part in self._parts[n])
        return self._left[frame]

    def _add_first_tile(self) -> None:
        """Where tiles are large, begin with a small one within the nearest of them."""
        if self._focus is None or not self._frames:
            return
        first, *others = plan_tiles(
            self._lattice, self._job.region, self.core_px, self._focus.point, small_first=True
        ).tiles
        tiles = self._tiles_of(self._frames[0])
        # only if the tile that it lies in is the next one: it may not be wanted
        if first.provisional and tiles[:1] == others[:1]:
            tiles.insert(0, first)

    def _count(self) -> int:
        """All tiles: those done, those left of frames that were listed, and those of the others."""
        listed = sum(map(len, self._left.values()))
        parts = [len(parts) for parts in self._parts]
        others = (frame for frame in self._frames if frame not in self._left)
        return self.done + listed + sum(parts[n] for frame in others for n in self._wanted[frame])

    def _parts_of(self, tile: Tile) -> tuple[Tile, ...]:
        return plan_tiles(self._lattice, tile.write, self.core_px).tiles

    def _smaller_core(self) -> tuple[int, ...] | None:
        """The core halved until windows become smaller; None if they are as small as can be.

        Halving once may not be enough: where tiles are narrow, windows are mostly halo.
        """
        core = self.core_px
        strides = self._lattice.strides
        while core != strides:
            core = tuple(
                max(stride, side // 2 // stride * stride)
                for side, stride in zip(core, strides, strict=True)
            )
            smaller = plan_tiles(self._lattice, self._job.region, core)
            if window_voxels(smaller) < window_voxels(self._plan):
                return core
        return None


def _size(tile: Tile) -> int:
    """How many voxels a tile writes."""
    return math.prod(part.stop - part.start for part in tile.write)
