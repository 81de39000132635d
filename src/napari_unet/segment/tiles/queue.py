"""The tiles of a job that are still to be computed, nearest to what the user looks at first."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from napari_unet.scans.scan import Index
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.tiling import Lattice, Tile, distance, plan_tiles, window_voxels


@dataclass(frozen=True)
class Focus:
    """Where the user looks: a frame, and a point in its voxels."""

    frame: Index
    point: tuple[float, ...]


Look = Callable[[], Focus | None]


class Waiting:
    """What is left of a job's plan; where the user looks is asked before each tile, and the rest is
    put in order anew.

    `done` tiles of `total` are finished; `core_px` is how large they are, in model voxels.
    """

    def __init__(
        self, job: SegmentJob, lattice: Lattice, core_px: tuple[int, ...], look: Look
    ) -> None:
        self.core_px = self._whole_px = core_px
        self.done = 0
        self._job = job
        self._lattice = lattice
        self._look = look
        self._focus = look()
        self._plan = self._whole = plan_tiles(lattice, job.region, core_px)
        self._blocks = self._plan.tiles
        self._parts: list[tuple[Tile, ...]] = [(block,) for block in self._blocks]
        self._wanted = {frame: self._wanted_of(frame) for frame in job.frames}
        self._frames = self._nearest_first(job.frames)
        self._left: dict[Index, list[Tile]] = {}  # of the frames that were begun
        self._add_first_tile()
        self.total = self._count()

    def nearest(self) -> tuple[Index, Tile] | None:
        """The frame and the tile to be computed next; None where nothing is left."""
        if (focus := self._look()) != self._focus:
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

    def following(self) -> tuple[Index, Tile] | None:
        """What comes after the nearest if the user looks where they did; None where nothing is
        left.
        """
        first, *others = self._frames
        if len(self._left[first]) > 1:
            return first, self._left[first][1]
        return next(
            ((frame, tiles[0]) for frame in others if (tiles := self._tiles_of(frame))), None
        )

    def finish(self) -> None:
        """Take the tile that `nearest` gave from what is left."""
        del self._left[self._frames[0]][0]
        self.done += 1

    def can_part(self) -> bool:
        """Whether smaller tiles would need less memory."""
        return self._smaller_core() is not None

    def part(self) -> None:
        """Part what is left into smaller tiles; what is finished stays."""
        self.core_px = self._smaller_core() or self.core_px
        self._plan = plan_tiles(self._lattice, self._job.region, self.core_px)
        self._parts = [self._parted(block) for block in self._blocks]
        for frame, tiles in self._left.items():
            self._left[frame] = self._in_order(
                small for tile in tiles for small in self._parted(tile) if not tile.provisional
            )
        self.total = self._count()

    def join(self) -> None:
        """Put parts together again, to the tiles of the plan of which nothing is finished."""
        self.core_px = self._whole_px
        self._plan = self._whole
        self._parts = [(block,) for block in self._blocks]
        self._left = {
            frame: self._in_order(self._joined(tiles)) for frame, tiles in self._left.items()
        }
        self.total = self._count()

    def _joined(self, tiles: Iterable[Tile]) -> Iterator[Tile]:
        """Tiles of a frame, each with the others of its block where all of them are there."""
        starts = [
            sorted({block.write[axis].start for block in self._blocks})
            for axis in range(len(self._blocks[0].write))
        ]
        corners = {tuple(part.start for part in block.write): block for block in self._blocks}
        pieces: dict[Index, list[Tile]] = {}
        for tile in tiles:
            corner = tuple(
                known[bisect_right(known, part.start) - 1]
                for known, part in zip(starts, tile.write, strict=True)
            )
            pieces.setdefault(corner, []).append(tile)
        for corner, found in pieces.items():
            block = corners[corner]
            yield from [block] if sum(map(_size, found)) == _size(block) else found

    def _wanted_of(self, frame: Index) -> Sequence[int]:
        wanted = self._job.wanted
        blocks = self._blocks
        return (
            range(len(blocks))
            if wanted is None
            else [n for n, block in enumerate(blocks) if wanted(frame, block.write)]
        )

    def _nearest_first(self, frames: Iterable[Index]) -> list[Index]:
        """Frames in order of closeness to the one that is looked at."""
        if (focus := self._focus) is None:
            return list(frames)
        return sorted(
            frames,
            key=lambda frame: sum(abs(a - b) for a, b in zip(frame, focus.frame, strict=True)),
        )

    def _in_order(self, tiles: Iterable[Tile]) -> list[Tile]:
        """Tiles of a frame, those nearest to what is looked at first, and those that only came
        before a larger one left out.
        """
        kept = [tile for tile in tiles if not tile.provisional]
        focus = self._focus
        return (
            kept
            if focus is None
            else sorted(kept, key=lambda tile: distance(tile.write, focus.point))
        )

    def _tiles_of(self, frame: Index) -> list[Tile]:
        if frame not in self._left:
            self._left[frame] = self._in_order(
                small for number in self._wanted[frame] for small in self._parts[number]
            )
        return self._left[frame]

    def _add_first_tile(self) -> None:
        """Where tiles are large, begin with a small one within the nearest; a larger one will take
        its place.
        """
        if self._focus is None or not self._frames:
            return
        first, *others = plan_tiles(
            self._lattice, self._job.region, self.core_px, self._focus.point, small_first=True
        ).tiles
        tiles = self._tiles_of(self._frames[0])
        if first.provisional and tiles[:1] == others[:1]:
            tiles.insert(0, first)

    def _count(self) -> int:
        """All tiles: what is done, what is left of the frames that were begun, and the others."""
        lengths = [len(parts) for parts in self._parts]
        others = (frame for frame in self._frames if frame not in self._left)
        return (
            self.done
            + sum(map(len, self._left.values()))
            + sum(lengths[n] for frame in others for n in self._wanted[frame])
        )

    def _parted(self, tile: Tile) -> tuple[Tile, ...]:
        return plan_tiles(self._lattice, tile.write, self.core_px).tiles

    def _smaller_core(self) -> tuple[int, ...] | None:
        """The core halved until its windows are smaller; None where they are as small as can be."""
        core = self.core_px
        strides = self._lattice.strides
        while core != strides:
            core = tuple(
                max(stride, side // 2 // stride * stride)
                for side, stride in zip(core, strides, strict=True)
            )
            if window_voxels(plan_tiles(self._lattice, self._job.region, core)) < window_voxels(
                self._plan
            ):
                return core
        return None


def _size(tile: Tile) -> int:
    """How many voxels a tile writes."""
    return math.prod(part.stop - part.start for part in tile.write)
