"""Which reviewed regions are held out of a training, so that they can judge what came of it.

Only reviewed voxels judge: on strokes alone the parent is wrong by construction. Where there are
several images, slices or volumes, whole ones are held out; of one or two, a corner (or an end) of
what was reviewed, at least three object diameters wide. A margin of one object diameter (16 px at
least within a frame; one frame in time) around what is held out teaches nothing, through no item
that shows the same scan. What the network sees of the image may overlap: it is labels that leak.
Each turn holds out another part.

Where there is no parent to compare with, a score is all that is wanted, and less is held out: a
tenth of ten images or more, else a sixteenth of each.

Nothing is held out where less than half of what is trusted, or no voxel of some class, would be
left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.boxes import bounding_box
from napari_unet.learn.data.corrections import (
    LEARNT_DTYPE,
    REVIEWED,
    UNTRUSTED,
    Corrections,
    label_counts,
)
from napari_unet.learn.data.item import ItemBox, TrainItem, box_in_frame
from napari_unet.learn.data.same_scan import scan_numbers
from napari_unet.learn.judging.folds import JUDGING, Reviewed, ReviewedFrame, Rule, folds_in_turn
from napari_unet.learn.judging.lengths import HoldOutLengths
from napari_unet.learn.judging.sampling_units import JudgedRegions, judged_in
from napari_unet.model.head import CLASS_NUMBERS
from napari_unet.scans.scan import Index, Slices

LEAST_LEFT = 0.5  # of the trusted voxels, to learn from


@dataclass(frozen=True)
class HoldOut:
    """What is held out, with what is judged in it; `excluded` are the boxes with the margins around
    them.
    """

    boxes: tuple[ItemBox, ...]
    excluded: tuple[ItemBox, ...]
    judged: JudgedRegions

    def excluded_of(self, number: int) -> list[ItemBox]:
        """What of an item teaches nothing, and where no guard may pull the child to the parent."""
        return [box for box in self.excluded if box.item == number]


def hold_out(
    items: Sequence[TrainItem],
    dimensions: int,
    object_px: Sequence[float],
    turn: int = 0,
    rule: Rule = JUDGING,
) -> HoldOut:
    """Choose what is held out in round `turn`; `object_px` is the diameter of an object in each
    item, in pixels along x.

    The same input gives the same choice.
    """
    lengths = [
        HoldOutLengths(item.scan, dimensions, px) for item, px in zip(items, object_px, strict=True)
    ]
    frames = [
        _trusted_frame(item, number, index, region)
        for number, item in enumerate(items)
        for index, region in item.frames(dimensions)
    ]
    trusted = [frame for frame in frames if frame.counts.any()]
    scans = scan_numbers(items)
    reviewed = Reviewed(items, _without_repeats(trusted, scans), lengths, rule)
    for whole, boxes in folds_in_turn(reviewed, turn):
        excluded = [wide for box in boxes for wide in _with_margin(box, lengths, scans)]
        if _enough_left(items, trusted, excluded):
            sides = [each.block_sides for each in lengths]
            judged = judged_in(items, boxes, sides, whole)
            return HoldOut(tuple(boxes), tuple(excluded), judged)
    return HoldOut((), (), JudgedRegions())


@dataclass(frozen=True)
class _Frame:
    """A frame: how many voxels of each label are trusted, and the box around those that were
    reviewed.
    """

    item: int
    index: Index
    counts: np.ndarray
    reviewed: Slices | None


def _trusted_frame(item: TrainItem, number: int, index: Index, region: Slices) -> _Frame:
    trust = item.trust_of(index, region)
    if not (trust != UNTRUSTED).any():
        return _Frame(number, index, np.zeros(CLASS_NUMBERS, np.int64), None)
    counts = label_counts(Corrections(item.labels_of(index, region), trust))
    return _Frame(number, index, counts, bounding_box(trust == REVIEWED))


def _without_repeats(frames: Sequence[_Frame], scans: Sequence[int]) -> list[ReviewedFrame]:
    """The reviewed frames but those that an earlier item of the same scan has too: what was
    reviewed twice judges once.
    """
    first: dict[tuple[int, Index], int] = {}
    found = []
    for frame in frames:
        if frame.reviewed is None:
            continue
        if first.setdefault((scans[frame.item], frame.index), frame.item) == frame.item:
            found.append(ReviewedFrame(frame.item, frame.index, frame.reviewed))
    return found


def _with_margin(
    box: ItemBox, lengths: Sequence[HoldOutLengths], scans: Sequence[int]
) -> list[ItemBox]:
    """A box with its margin, in every item that shows its scan; the margin is as wide as the widest
    of them wants it.
    """
    same = [n for n, scan in enumerate(scans) if scan == scans[box.item]]
    margins = np.max([lengths[n].margins for n in same], axis=0).tolist()
    shape = lengths[box.item].scan.result_shape
    wide = tuple(
        slice(max(0, part.start - margin), min(n, part.stop + margin))
        for part, margin, n in zip(box.slices, margins, shape, strict=True)
    )
    return [ItemBox(n, wide) for n in same]


def _enough_left(
    items: Sequence[TrainItem], trusted: Sequence[_Frame], excluded: Sequence[ItemBox]
) -> bool:
    """Whether half of the trusted voxels, and some of every class, still teach."""
    total = np.sum([frame.counts for frame in trusted], axis=0)
    lost = np.sum([_lost(items[frame.item], frame, excluded) for frame in trusted], axis=0)
    left = total - lost
    every_class = bool(((left > 0) == (total > 0)).all())
    return every_class and bool(left.sum() >= LEAST_LEFT * total.sum())


def _lost(item: TrainItem, frame: _Frame, excluded: Sequence[ItemBox]) -> np.ndarray:
    """Trusted voxels of each label that lie in excluded boxes."""
    dimensions = len(item.scan.result_shape) - len(frame.index)
    inside = [
        box_in_frame(item.scan, frame.index, box, dimensions)
        for box in excluded
        if box.item == frame.item
    ]
    parts = [part for part in inside if part is not None]
    if not parts:
        return np.zeros(CLASS_NUMBERS, np.int64)
    # a mask, since boxes may overlap and each voxel is lost once
    mask = np.zeros(item.scan.frame_shape(dimensions), bool)
    for part in parts:
        mask[part] = True
    region = bounding_box(mask)
    if region is None:
        return np.zeros(CLASS_NUMBERS, np.int64)
    lost = mask[region] & (item.trust_of(frame.index, region) != UNTRUSTED)
    labels = item.labels_of(frame.index, region)[lost].astype(LEARNT_DTYPE)
    return np.bincount(labels, minlength=CLASS_NUMBERS)
