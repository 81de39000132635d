"""The regions on which two models are compared: what is judged, and frames with corrections, of
which the untouched rest is compared too.

Here nothing is segmented: the models' labels come from `learn/judging/region_labels.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.boxes import bounding_box, middle_of, voxels_of
from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.judging.confusion import Confusion, confusion_of
from napari_unet.learn.judging.sampling_units import JudgedRegion, JudgedRegions
from napari_unet.scans.scan import Index, Slices

CORRECTED_VOXELS = 2**20  # of frames with corrections, in all regions together at most


@dataclass(frozen=True)
class ComparedRegion:
    """A region of a frame of an item on which models are run."""

    item: int
    frame: Index
    slices: Slices

    def holds(self, judged: JudgedRegion) -> bool:
        """Whether a judged region lies within."""
        same_frame = (self.item, self.frame) == (judged.item, judged.frame)
        return same_frame and all(
            own.start <= other.start and other.stop <= own.stop
            for own, other in zip(self.slices, judged.slices, strict=True)
        )

    def part(self, labels: np.ndarray, slices: Slices) -> np.ndarray:
        """Of this region's labels, those of a smaller region of the frame."""
        inner = tuple(
            slice(other.start - own.start, other.stop - own.start)
            for own, other in zip(self.slices, slices, strict=True)
        )
        return labels[inner]


@dataclass(frozen=True)
class ChangedRegion:
    """Where two models disagree in a region of a frame of an item, in the order of the frame's
    axes.
    """

    item: int
    frame: Index
    slices: Slices
    mask: np.ndarray


def compared_regions(
    items: Sequence[TrainItem],
    judged: Sequence[JudgedRegion],
    dimensions: int,
    corrections: bool,
) -> list[ComparedRegion]:
    """The regions to run: frames with `corrections` up to a number of voxels, and the judged
    regions that are not among them.
    """
    corrected = list(_corrected_regions(items, dimensions)) if corrections else []
    return corrected + [
        ComparedRegion(each.item, each.frame, each.slices)
        for each in judged
        if not any(region.holds(each) for region in corrected)
    ]


def _corrected_regions(items: Sequence[TrainItem], dimensions: int) -> Iterator[ComparedRegion]:
    left = CORRECTED_VOXELS
    for number, item in enumerate(items):
        for frame, whole in item.frames(dimensions) if item.trust is not None else ():
            box = bounding_box(item.trust_of(frame, whole) != UNTRUSTED)
            if box is None or left < 1:
                continue
            slices = whole if voxels_of(whole) <= left else middle_of(box, left)
            left -= voxels_of(slices)
            yield ComparedRegion(number, frame, slices)


def confusion_in(
    items: Sequence[TrainItem],
    judged: JudgedRegions,
    regions: Sequence[ComparedRegion],
    labels: Sequence[np.ndarray],
    classes: int,
) -> Confusion:
    """How often a model's labels of the regions are right and wrong in each sampling unit."""
    shape = (judged.sampling_units, classes)
    total = Confusion.none(*shape)
    for each in judged.regions:
        region, found = next(
            (region, found)
            for region, found in zip(regions, labels, strict=True)
            if region.holds(each)
        )
        truth = items[each.item].labels_of(each.frame, each.slices)
        own = region.part(found, each.slices)
        total = total + confusion_of(own, truth, each.unit_numbers, shape)
    return total


def changed_regions(
    regions: Sequence[ComparedRegion], parent: Sequence[np.ndarray], child: Sequence[np.ndarray]
) -> tuple[ChangedRegion, ...]:
    """Where the labels of the two models differ."""
    return tuple(
        ChangedRegion(region.item, region.frame, region.slices, before != after)
        for region, before, after in zip(regions, parent, child, strict=True)
    )


def shares_of_changes(
    items: Sequence[TrainItem],
    regions: Sequence[ComparedRegion],
    parent: Sequence[np.ndarray],
    child: Sequence[np.ndarray],
) -> tuple[float | None, float | None]:
    """Of the trusted voxels that the parent has wrong, how many the child has right; of the
    untouched, how many changed. None where there are no such voxels.
    """
    wrong = right = untouched = changed = 0
    for region, before, after in zip(regions, parent, child, strict=True):
        item = items[region.item]
        truth = item.labels_of(region.frame, region.slices)
        trusted = item.trust_of(region.frame, region.slices) != UNTRUSTED
        corrected = trusted & (before != truth)
        wrong += int(corrected.sum())
        right += int((after == truth)[corrected].sum())
        untouched += int((~trusted).sum())
        changed += int((before != after)[~trusted].sum())
    return right / wrong if wrong else None, changed / untouched if untouched else None
