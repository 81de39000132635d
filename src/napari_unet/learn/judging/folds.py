"""In which ways reviewed regions can be divided into folds, of which one is held out in each turn:
whole images, runs of slices, or the same corner of every frame.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_unet.learn.data.item import ItemBox, TrainItem
from napari_unet.learn.judging.lengths import HoldOutLengths
from napari_unet.learn.judging.sampling_units import FEWEST_UNITS
from napari_unet.scans.scan import Index, Slices

MOST_HELD_OUT = 24  # images or frames
MOST_CELLS = 4  # along one axis

Fold = list[ItemBox]


@dataclass(frozen=True)
class Rule:
    """How much is held out: whole images or frames where there are `fewest_whole` or more of them,
    and their share; whether more, to have enough units; and cells along an axis, the first try
    first.
    """

    fewest_whole: int
    share: float
    enough_units: bool
    cells: tuple[int, ...]


JUDGING = Rule(3, 0.2, True, tuple(range(2, MOST_CELLS + 1)))
SCORING = Rule(10, 0.1, False, tuple(range(MOST_CELLS, 1, -1)))


@dataclass(frozen=True)
class ReviewedFrame:
    """A frame of which something was reviewed, and the box around that."""

    item: int
    index: Index
    box: Slices


@dataclass(frozen=True)
class Reviewed:
    """What a choice of what to hold out depends on."""

    items: Sequence[TrainItem]
    frames: Sequence[ReviewedFrame]
    lengths: Sequence[HoldOutLengths]
    rule: Rule

    @property
    def blocks(self) -> int:
        """About how many blocks were reviewed."""
        return sum(
            math.prod(
                max(1, (part.stop - part.start) // side)
                for part, side in zip(frame.box, self.lengths[frame.item].block_sides, strict=True)
            )
            for frame in self.frames
        )

    def box(self, frame: ReviewedFrame, region: Slices) -> ItemBox:
        """A region of a frame as a box of its item."""
        index = self.items[frame.item].scan.result_index(frame.index, region)
        slices = tuple(slice(at, at + 1) if isinstance(at, int) else at for at in index)
        return ItemBox(frame.item, slices)


MakeFolds = Callable[[Reviewed], list[Fold]]


def folds_in_turn(reviewed: Reviewed, turn: int) -> Iterator[tuple[bool, Fold]]:
    """What may be held out, the most wanted first, and whether it is whole images or slices: those
    of this turn, then of the next.
    """
    whole: list[MakeFolds] = [_whole_items, _whole_frames]
    parts: list[MakeFolds] = [partial(_cells, along=n) for n in reviewed.rule.cells]
    for make_folds in (*whole, *parts):
        folds = make_folds(reviewed)
        for number in range(len(folds)):
            yield make_folds in whole, folds[(turn + number) % len(folds)]


def _whole_items(reviewed: Reviewed) -> list[Fold]:
    """Every k-th image, where there are several."""
    numbers = sorted({frame.item for frame in reviewed.frames})
    if len(numbers) < reviewed.rule.fewest_whole:
        return []
    held = _how_many(len(numbers), reviewed.blocks / len(numbers), reviewed.rule)
    folds = math.ceil(len(numbers) / held)
    shapes = {n: reviewed.items[n].scan.result_shape for n in numbers}
    boxes = [ItemBox(n, tuple(slice(0, length) for length in shapes[n])) for n in numbers]
    return [boxes[fold::folds] for fold in range(folds)]


def _whole_frames(reviewed: Reviewed) -> list[Fold]:
    """Runs of slices (or volumes) that follow each other, so that few margins are needed."""
    frames = reviewed.frames
    if len(frames) < reviewed.rule.fewest_whole:
        return []
    held = _how_many(len(frames), reviewed.blocks / len(frames), reviewed.rule)
    dimensions = reviewed.lengths[0].dimensions
    boxes = []
    for frame in frames:
        shape = reviewed.items[frame.item].scan.frame_shape(dimensions)
        boxes.append(reviewed.box(frame, tuple(slice(0, n) for n in shape)))
    return [boxes[first : first + held] for first in range(0, len(boxes), held)]


def _cells(reviewed: Reviewed, along: int) -> list[Fold]:
    """The same corner, or end, of what was reviewed in every frame."""
    cells = [
        (frame, _cells_of(frame.box, reviewed.lengths[frame.item], along))
        for frame in reviewed.frames
    ]
    count = max((len(parts) for _, parts in cells), default=0)
    return [
        [reviewed.box(frame, parts[fold % len(parts)]) for frame, parts in cells if parts]
        for fold in range(count)
    ]


def _cells_of(region: Slices, lengths: HoldOutLengths, along: int) -> list[Slices]:
    """Cells, so many along each of the two axes that have most room, or along the only one; each
    holds a block.
    """
    room = [
        (part.stop - part.start) / side
        for part, side in zip(region, lengths.block_sides, strict=True)
    ]
    long_enough = [axis for axis, blocks in enumerate(room) if blocks >= along]
    axes = sorted(long_enough, key=lambda axis: (-room[axis], axis))[:2]
    if not axes:
        return []
    counts = [1] * len(region)
    for axis in axes:
        counts[axis] = along if len(axes) == 2 else min(MOST_CELLS, int(room[axis]))
    edges = [
        np.linspace(part.start, part.stop, n + 1).astype(int).tolist()
        for part, n in zip(region, counts, strict=True)
    ]
    return [
        tuple(slice(e[i], e[i + 1]) for e, i in zip(edges, index, strict=True))
        for index in np.ndindex(*counts)
    ]


def _how_many(pieces: int, blocks_each: float, rule: Rule) -> int:
    """How many whole images or frames are held out: the rule's share, or up to a third where that
    many are needed for a judgement.
    """
    needed = math.ceil(FEWEST_UNITS / max(1.0, blocks_each)) if rule.enough_units else 1
    return min(MOST_HELD_OUT, max(1, round(pieces * rule.share), min(needed, pieces // 3)))
