"""Numbers for the tiles of all frames, and chunks of a file of which each belongs to one tile."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.tiles.tiling import TilePlan

CHUNK_PX = {2: 512, 3: 128}  # about the side of a chunk, for frames of so many dimensions


class TileGrid:
    """Gives each tile of a scan a number: frame after frame, and within it the last axis fastest.

    There are `total` tiles.
    """

    def __init__(self, frames: Sequence[Index], plan: TilePlan) -> None:
        """`plan` is that of every frame."""
        self._frames = list(frames)
        self._numbers = {frame: number for number, frame in enumerate(frames)}
        self._writes = [tile.write for tile in plan.tiles]
        self._starts = [
            sorted({write[axis].start for write in self._writes}) for axis in range(len(plan.steps))
        ]
        self.total = len(self._frames) * len(self._writes)

    def number(self, frame: Index, region: Slices) -> int:
        """The number of the tile that writes a region, or of which it is a part."""
        number = 0
        for starts, part in zip(self._starts, region, strict=True):
            number = number * len(starts) + bisect_right(starts, part.start) - 1
        return self._numbers[frame] * len(self._writes) + number

    def tile(self, number: int) -> tuple[Index, Slices]:
        """The frame of a tile, and the part of it that the tile writes."""
        return self._frames[number // len(self._writes)], self._writes[number % len(self._writes)]


def chunks_of(scan: Scan, plan: TilePlan) -> tuple[int, ...]:
    """The lengths of chunks, along the axes of a result, with which no chunk belongs to two tiles.

    Tiles can then be written beside each other and in any order. Along the axes of a frame the
    chunks divide the plan's steps; across frames they have length 1.
    """
    dimensions = len(plan.steps)
    wanted = CHUNK_PX[dimensions]
    sides = []
    for axis, step in enumerate(plan.steps):
        cut = len({tile.write[axis].start for tile in plan.tiles}) > 1
        sides.append(_nearest_divisor(step, wanted) if cut else wanted)
    known = dict(zip(scan.frame_axes(dimensions), sides, strict=True))
    return tuple(known.get(letter, 1) for letter in scan.result_axes)


def _nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of a number that differs from `wanted` by the smallest factor."""
    small = [side for side in range(1, math.isqrt(number) + 1) if number % side == 0]
    divisors = {*small, *(number // side for side in small)}
    return min(divisors, key=lambda side: (abs(math.log(side / wanted)), side))
