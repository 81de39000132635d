"""Which reviewed regions are held out of a training, so that they can judge what came of it.

Only reviewed voxels judge: on strokes alone the parent is wrong by construction. Where there are
several images, slices or volumes, whole ones are held out; of one or two, a corner (or an end) of
what was reviewed, at least three object diameters wide. A band of one object diameter (16 px at
least within a frame; one frame in time) around what is held out teaches nothing, through no item
that shows the same scan. What the network sees of the image may overlap: it is labels that leak.
Each turn holds out another part.

Where there is no parent to compare with, a score is all that is wanted, and less is held out: a
tenth of ten images or more, else a sixteenth of each.

Nothing is held out where less than half of what is trusted, or no voxel of some class, would be
left.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_unet.learn.data.corrections import REVIEWED, UNTRUSTED, Corrections, label_counts
from napari_unet.learn.data.crop import bounding_box
from napari_unet.learn.data.item import Box, TrainItem, in_frame
from napari_unet.learn.data.same_scan import scan_numbers
from napari_unet.learn.judging.sampling_units import FEWEST_UNITS, JUDGED_VOXELS, Judged, judged_of
from napari_unet.scans.scan import SPATIAL, Index, Scan, Slices

MOST_HELD = 24
LEAST_TAUGHT = 0.5  # of the trusted voxels
MOST_CELLS = 4  # along one axis
BLOCK_DIAMETERS = 3
LEAST_BAND_PX = 16

Fold = list[Box]


@dataclass(frozen=True)
class Lengths:
    """Lengths in the voxels of one scan; where the spacing is unknown, its voxels have the
    proportions that its scale says.
    """

    scan: Scan
    dimensions: int
    object_px: float

    @property
    def side(self) -> tuple[int, ...]:
        """The least side of a block, along each axis of a frame."""
        return tuple(
            max(1, math.ceil(BLOCK_DIAMETERS * self.object_px * self._ratio(a)))
            for a in self.scan.frame_axes(self.dimensions)
        )

    @property
    def band(self) -> tuple[int, ...]:
        """The width of the band, along each axis of the labels: an object in depth, too, and one
        frame in time.
        """
        return tuple(self._band(a) for a in self.scan.result_axes)

    def _band(self, axis: str) -> int:
        if axis not in SPATIAL:
            return int(axis == "t")
        within = axis in self.scan.frame_axes(self.dimensions)
        return math.ceil(max(self.object_px, LEAST_BAND_PX if within else 0) * self._ratio(axis))

    def _ratio(self, axis: str) -> float:
        """Voxels along an axis for each along x."""
        known = dict(zip(self.scan.spatial_axes, self.scan.spacing, strict=True))
        return known["x"] / known[axis]


@dataclass(frozen=True)
class Rule:
    """How much is held out: whole pieces of so many and more, their share, whether more to have
    enough units; and cells along an axis.
    """

    several: int
    share: float
    enough_units: bool
    cells: tuple[int, ...]


JUDGING = Rule(3, 0.2, True, tuple(range(2, MOST_CELLS + 1)))
SCORING = Rule(10, 0.1, False, tuple(range(MOST_CELLS, 1, -1)))


@dataclass(frozen=True)
class HoldOut:
    """What is held out, with what is judged in it; `walls` are the boxes with the bands around
    them.
    """

    boxes: tuple[Box, ...]
    walls: tuple[Box, ...]
    judged: Judged

    def walls_of(self, number: int) -> list[Box]:
        """What of an item teaches nothing, and where no guard may pull the child to the parent."""
        return [wall for wall in self.walls if wall.item == number]


def hold_out(
    items: Sequence[TrainItem],
    dimensions: int,
    object_px: Sequence[float],
    turn: int = 0,
    rule: Rule = JUDGING,
    most_voxels: int = JUDGED_VOXELS,
) -> HoldOut:
    """Choose what is held out in round `turn`; `object_px` is the diameter of an object in each
    item, in pixels along x.

    The same input gives the same choice.
    """
    sizes = [Lengths(item.scan, dimensions, px) for item, px in zip(items, object_px, strict=True)]
    frames = [
        _frame(item, number, index, region)
        for number, item in enumerate(items)
        for index, region in item.frames(dimensions)
    ]
    trusted = [frame for frame in frames if frame.counts.any()]
    scans = scan_numbers(items)
    reviewed = _once([frame for frame in trusted if frame.reviewed is not None], scans)
    for whole, boxes in _choices(items, reviewed, sizes, turn, rule):
        walls = [wall for box in boxes for wall in _walls(box, sizes, scans)]
        if _enough_left(items, trusted, walls):
            judged = judged_of(items, boxes, [size.side for size in sizes], whole, most_voxels)
            return HoldOut(tuple(boxes), tuple(walls), judged)
    return HoldOut((), (), Judged())


def _choices(
    items: Sequence[TrainItem],
    reviewed: list["_Frame"],
    sizes: list[Lengths],
    turn: int,
    rule: Rule,
) -> Iterator[tuple[bool, Fold]]:
    """What may be held out, the most wanted first, and whether it is whole images or slices: those
    of this turn, then of the next.
    """
    pieces = [partial(_whole_items, rule=rule), partial(_whole_frames, rule=rule)]
    parts = [partial(_cells, along=n) for n in rule.cells]
    for plan in (*pieces, *parts):
        folds = plan(items, reviewed, sizes)
        for number in range(len(folds)):
            yield plan in pieces, folds[(turn + number) % len(folds)]


@dataclass(frozen=True)
class _Frame:
    """A frame: how many voxels of each label are trusted, and the box around those that were
    reviewed.
    """

    item: int
    index: Index
    counts: np.ndarray
    reviewed: Slices | None


def _frame(item: TrainItem, number: int, index: Index, region: Slices) -> _Frame:
    trust = item.trust_of(index, region)
    known = trust != UNTRUSTED
    if not known.any():
        return _Frame(number, index, np.zeros(256, np.int64), None)
    counts = label_counts(Corrections(item.labels_of(index, region), trust))
    return _Frame(number, index, counts, bounding_box(trust == REVIEWED))


def _once(reviewed: Sequence[_Frame], scans: Sequence[int]) -> list[_Frame]:
    """The frames without those that an earlier item of the same scan has too: what was reviewed
    twice judges once.
    """
    first: dict[tuple[int, Index], int] = {}
    for frame in reviewed:
        first.setdefault((scans[frame.item], frame.index), frame.item)
    return [frame for frame in reviewed if first[scans[frame.item], frame.index] == frame.item]


def _whole_items(
    items: Sequence[TrainItem], reviewed: list[_Frame], sizes: list[Lengths], rule: Rule
) -> list[Fold]:
    """Every k-th image, where there are several."""
    numbers = sorted({frame.item for frame in reviewed})
    if len(numbers) < rule.several:
        return []
    folds = math.ceil(
        len(numbers) / _held(len(numbers), _blocks(reviewed, sizes) / len(numbers), rule)
    )
    return [
        [
            Box(n, tuple(slice(0, length) for length in items[n].scan.result_shape))
            for n in numbers[f::folds]
        ]
        for f in range(folds)
    ]


def _whole_frames(
    items: Sequence[TrainItem], reviewed: list[_Frame], sizes: list[Lengths], rule: Rule
) -> list[Fold]:
    """Runs of slices (or volumes) that follow each other, so that few bands are needed."""
    if len(reviewed) < rule.several:
        return []
    held = _held(len(reviewed), _blocks(reviewed, sizes) / len(reviewed), rule)
    boxes = [
        _box(
            items,
            frame,
            tuple(slice(0, n) for n in items[frame.item].scan.frame_shape(sizes[0].dimensions)),
        )
        for frame in reviewed
    ]
    return [boxes[first : first + held] for first in range(0, len(boxes), held)]


def _cells(
    items: Sequence[TrainItem], reviewed: list[_Frame], sizes: list[Lengths], along: int
) -> list[Fold]:
    """The same corner, or end, of what was reviewed in every frame."""
    cells = [
        (frame, _cells_of(frame.reviewed, sizes[frame.item], along))
        for frame in reviewed
        if frame.reviewed is not None
    ]
    count = max((len(parts) for _, parts in cells), default=0)
    return [
        [_box(items, frame, parts[f % len(parts)]) for frame, parts in cells if parts]
        for f in range(count)
    ]


def _cells_of(region: Slices, sizes: Lengths, along: int) -> list[Slices]:
    """Cells, so many along each of the two axes that have most room, or along the only one; each
    holds a block.
    """
    lengths = [part.stop - part.start for part in region]
    room = [length / side for length, side in zip(lengths, sizes.side, strict=True)]
    axes = sorted(
        (axis for axis, blocks in enumerate(room) if blocks >= along),
        key=lambda axis: (-room[axis], axis),
    )[:2]
    if not axes:
        return []
    counts = [1] * len(lengths)
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


def _held(pieces: int, blocks_each: float, rule: Rule) -> int:
    """How many whole pieces are held out: the rule's share, or up to a third where that many are
    needed for a judgement.
    """
    needed = math.ceil(FEWEST_UNITS / max(1.0, blocks_each)) if rule.enough_units else 1
    return min(MOST_HELD, max(1, round(pieces * rule.share), min(needed, pieces // 3)))


def _blocks(reviewed: list[_Frame], sizes: list[Lengths]) -> int:
    boxes = [
        (frame.reviewed, sizes[frame.item].side) for frame in reviewed if frame.reviewed is not None
    ]
    return sum(
        math.prod(max(1, (p.stop - p.start) // n) for p, n in zip(box, side, strict=True))
        for box, side in boxes
    )


def _box(items: Sequence[TrainItem], frame: _Frame, region: Slices) -> Box:
    place = items[frame.item].scan.place(frame.index, region)
    return Box(frame.item, tuple(slice(at, at + 1) if isinstance(at, int) else at for at in place))


def _walls(box: Box, sizes: Sequence[Lengths], scans: Sequence[int]) -> list[Box]:
    """A box with its band, in every item that shows its scan; the band is as wide as the widest of
    them wants it.
    """
    same = [n for n, scan in enumerate(scans) if scan == scans[box.item]]
    band = np.max([sizes[n].band for n in same], axis=0).tolist()
    lengths = sizes[box.item].scan.result_shape
    wide = tuple(
        slice(max(0, p.start - b), min(n, p.stop + b))
        for p, b, n in zip(box.slices, band, lengths, strict=True)
    )
    return [Box(n, wide) for n in same]


def _enough_left(items: Sequence[TrainItem], trusted: list[_Frame], walls: list[Box]) -> bool:
    """Whether half of the trusted voxels, and some of every class, still teach."""
    total = np.sum([frame.counts for frame in trusted], axis=0)
    left = total - np.sum([_lost(items[frame.item], frame, walls) for frame in trusted], axis=0)
    return bool(left.sum() >= LEAST_TAUGHT * total.sum() and ((left > 0) == (total > 0)).all())


def _lost(item: TrainItem, frame: _Frame, walls: list[Box]) -> np.ndarray:
    """Trusted voxels of each label that lie behind the walls."""
    dimensions = len(item.scan.result_shape) - len(frame.index)
    parts = [
        in_frame(item.scan, frame.index, wall, dimensions)
        for wall in walls
        if wall.item == frame.item
    ]
    inside = [part for part in parts if part is not None]
    if not inside:
        return np.zeros(256, np.int64)
    mask = np.zeros(item.scan.frame_shape(dimensions), bool)
    for part in inside:
        mask[part] = True
    box = bounding_box(mask)
    if box is None:
        return np.zeros(256, np.int64)
    behind = mask[box] & (item.trust_of(frame.index, box) != UNTRUSTED)
    return np.bincount(item.labels_of(frame.index, box)[behind].astype(np.uint8), minlength=256)
