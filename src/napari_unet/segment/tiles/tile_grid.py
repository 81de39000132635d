"""The tiles of all frames as numbers, and the chunks of a file that each of them fills alone."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.tiles.tiling import TilePlan

CHUNK_PX = {2: 512, 3: 128}  # about the side of a chunk, in frames of so many dimensions


class TileGrid:
    """Numbers the tiles of a plan: frame after frame, and in each in the order of the axes."""

    def __init__(self, frames: Sequence[Index], plan: TilePlan) -> None:
        """`plan` is that of each frame; there are `total` tiles."""
        self._frames = list(frames)
        self._numbers = {frame: number for number, frame in enumerate(frames)}
        self._blocks = [tile.write for tile in plan.tiles]
        self._starts = [
            sorted({write[axis].start for write in self._blocks}) for axis in range(len(plan.steps))
        ]
        self.total = len(self._frames) * len(self._blocks)

    def number(self, frame: Index, region: Slices) -> int:
        """The number of the tile that writes a region, or in which it lies."""
        number = 0
        for starts, part in zip(self._starts, region, strict=True):
            number = number * len(starts) + bisect_right(starts, part.start) - 1
        return self._numbers[frame] * len(self._blocks) + number

    def tile(self, number: int) -> tuple[Index, Slices]:
        """The frame of a tile, and the part of it that the tile writes."""
        return self._frames[number // len(self._blocks)], self._blocks[number % len(self._blocks)]


def chunks_of(scan: Scan, plan: TilePlan) -> tuple[int, ...]:
    """The chunks, along a result's axes, of which each tile fills a whole number: parts of the
    plan's steps, 1 across frames.
    """
    dimensions = len(plan.steps)
    wanted = CHUNK_PX[dimensions]
    several = [
        len({tile.write[axis].start for tile in plan.tiles}) > 1 for axis in range(dimensions)
    ]
    sides = [
        _part_of(step, wanted) if parted else wanted
        for step, parted in zip(plan.steps, several, strict=True)
    ]
    known = dict(zip(scan.frame_axes(dimensions), sides, strict=True))
    return tuple(known.get(letter, 1) for letter in scan.result_axes)


def _part_of(step: int, wanted: int) -> int:
    """The divisor of `step` that is nearest to what is wanted."""
    small = [side for side in range(1, math.isqrt(step) + 1) if step % side == 0]
    return min(
        {*small, *(step // side for side in small)},
        key=lambda side: (abs(math.log(side / wanted)), side),
    )
