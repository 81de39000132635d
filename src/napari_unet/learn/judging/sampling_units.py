"""What is judged within held-out regions, and in which sampling units: the things over which chance
is drawn.

A unit is an image, a slice, a block of at least three object diameters, or an object with the
voxels nearest to it; never a voxel, since neighbours are right or wrong together.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.learn.data.item import ItemBox, TrainItem, box_in_frame
from napari_unet.scans.scan import Index, Slices

FEWEST_UNITS = 8  # below, there is no interval and no verdict
JUDGED_VOXELS = 2**19  # some seconds on a laptop, for both models
LEAST_OBJECT_VOXELS = 10
LEAST_BLOCK_SHARE = 0.25  # of a block's voxels must be reviewed for it to count
NOT_JUDGED = -1


@dataclass(frozen=True)
class JudgedRegion:
    """A region of a frame, and for each of its voxels the number of its sampling unit (-1: not
    judged).
    """

    item: int
    frame: Index
    slices: Slices
    unit_numbers: np.ndarray


@dataclass(frozen=True)
class JudgedRegions:
    """All that is judged: regions, how many sampling units they hold, and what a unit is."""

    regions: tuple[JudgedRegion, ...] = ()
    sampling_units: int = 0
    unit_kind: str = "blocks"


@dataclass(frozen=True)
class _Part:
    """A region before its units are known: which voxels were reviewed, and the sides of a block."""

    item: int
    frame: Index
    slices: Slices
    reviewed: np.ndarray
    block_sides: tuple[int, ...]
    labels: np.ndarray


NumberUnits = Callable[[_Part], np.ndarray]


def judged_in(
    items: Sequence[TrainItem],
    boxes: Sequence[ItemBox],
    block_sides: Sequence[tuple[int, ...]],
    whole: bool,
) -> JudgedRegions:
    """The reviewed voxels in the boxes, in the largest units of which there are enough, else in
    those of which there are most.

    `whole`: the boxes are whole images or frames. Of more than `JUDGED_VOXELS`, the middle of each
    region is judged, so that the judgement's time is bounded.
    """
    parts = [part for box in boxes for part in _parts(items[box.item], box, block_sides[box.item])]
    total = sum(part.reviewed.size for part in parts)
    if total > JUDGED_VOXELS:
        middles = [_middle(part, JUDGED_VOXELS / total) for part in parts]
        parts = [part for part in middles if part is not None]
    dimensions = len(block_sides[0]) if block_sides else 2
    kinds = _unit_kinds(parts, whole, dimensions)
    found = [_judged_by(parts, kind, number_units) for kind, number_units in kinds]
    enough = [judged for judged in found if judged.sampling_units >= FEWEST_UNITS]
    return enough[0] if enough else max(found, key=lambda judged: judged.sampling_units)


def _unit_kinds(
    parts: Sequence[_Part], whole: bool, dimensions: int
) -> list[tuple[str, NumberUnits]]:
    """Kinds of units from large to small."""
    smaller: list[tuple[str, NumberUnits]] = [("blocks", _blocks), ("objects", _objects)]
    if not whole:
        return smaller
    flat = "slices" if any(part.frame for part in parts) else "images"
    return [("volumes" if dimensions == 3 else flat, _one_unit), *smaller]


def _parts(item: TrainItem, box: ItemBox, block_sides: tuple[int, ...]) -> list[_Part]:
    found = []
    for frame, _ in item.frames(len(block_sides)):
        region = box_in_frame(item.scan, frame, box, len(block_sides))
        if region is None:
            continue
        reviewed = item.trust_of(frame, region) == REVIEWED
        if reviewed.any():
            labels = item.labels_of(frame, region)
            found.append(_Part(box.item, frame, region, reviewed, block_sides, labels))
    return found


def _middle(part: _Part, share: float) -> _Part | None:
    """The middle of a part, of a share of its voxels but no less than a block; None where nothing
    was reviewed there.
    """
    shape = part.reviewed.shape
    factor = share ** (1 / len(shape))
    lengths = [
        max(min(side, n), int(n * factor)) for n, side in zip(shape, part.block_sides, strict=True)
    ]
    inner = tuple(
        slice((n - k) // 2, (n - k) // 2 + k) for n, k in zip(shape, lengths, strict=True)
    )
    if not part.reviewed[inner].any():
        return None
    slices = tuple(
        slice(own.start + i.start, own.start + i.stop)
        for own, i in zip(part.slices, inner, strict=True)
    )
    return replace(part, slices=slices, reviewed=part.reviewed[inner], labels=part.labels[inner])


def _judged_by(parts: Sequence[_Part], kind: str, number_units: NumberUnits) -> JudgedRegions:
    """The parts with their units counted through: 0, 1, 2 … over all of them."""
    regions = []
    count = 0
    for part in parts:
        numbers, position = np.unique(number_units(part), return_inverse=True)
        judged = numbers != NOT_JUDGED
        if not judged.any():
            continue
        counted = np.where(judged, count + np.cumsum(judged) - 1, NOT_JUDGED)
        of_voxels = counted[position].reshape(part.reviewed.shape).astype(np.int32)
        regions.append(JudgedRegion(part.item, part.frame, part.slices, of_voxels))
        count += int(judged.sum())
    return JudgedRegions(tuple(regions), count, kind)


def _one_unit(part: _Part) -> np.ndarray:
    return np.where(part.reviewed, np.int32(0), np.int32(NOT_JUDGED))


def _blocks(part: _Part) -> np.ndarray:
    """Blocks in a grid, those dropped of which too little was reviewed."""
    shape = part.reviewed.shape
    counts = [max(1, n // side) for n, side in zip(shape, part.block_sides, strict=True)]
    along = [np.arange(n) * count // n for n, count in zip(shape, counts, strict=True)]
    numbers: np.ndarray = np.asarray(np.ravel_multi_index(np.ix_(*along), counts))
    sizes = np.bincount(numbers.ravel(), minlength=math.prod(counts))
    reviewed = np.bincount(numbers[part.reviewed], minlength=math.prod(counts))
    enough = reviewed >= LEAST_BLOCK_SHARE * sizes
    return np.where(part.reviewed & enough[numbers], numbers, NOT_JUDGED)


def _objects(part: _Part) -> np.ndarray:
    """Objects (connected foreground) with the voxels nearest to each."""
    numbers, count = label((part.labels > 0) & part.reviewed)
    large: np.ndarray = np.bincount(numbers.ravel(), minlength=count + 1) >= LEAST_OBJECT_VOXELS
    large[0] = False  # the background is no object
    seeds = large[numbers]
    if not seeds.any():
        return np.full(part.reviewed.shape, NOT_JUDGED)
    nearest = distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    return np.where(part.reviewed, numbers[tuple(nearest)], NOT_JUDGED)
