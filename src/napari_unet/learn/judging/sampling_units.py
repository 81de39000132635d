"""What is judged within held-out regions, and in which units: the things over which chance is
drawn.

A unit is an image, a slice, a block of at least three object diameters, or an object with the
voxels nearest to it; never a voxel, since neighbours are right or wrong together.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.learn.data.item import Box, TrainItem, in_frame
from napari_unet.scans.scan import Index, Slices

FEWEST_UNITS = 8  # below, there is no interval and no verdict
JUDGED_VOXELS = 2**19  # some seconds on a laptop, for both models
LEAST_OBJECT_VOXELS = 10
LEAST_BLOCK_SHARE = 0.25  # of a block's voxels must be judged for it to count
NOWHERE = -1


@dataclass(frozen=True)
class Piece:
    """A region of a frame, and to which unit each of its voxels belongs (-1: not judged)."""

    item: int
    frame: Index
    region: Slices
    units: np.ndarray


@dataclass(frozen=True)
class Judged:
    """All that is judged: pieces, how many units they hold, and what a unit is."""

    pieces: tuple[Piece, ...] = ()
    units: int = 0
    kind: str = "blocks"


@dataclass(frozen=True)
class _Part:
    """A piece before its units are known: which voxels were reviewed, and the side of a block."""

    item: int
    frame: Index
    region: Slices
    reviewed: np.ndarray
    side: tuple[int, ...]
    labels: np.ndarray


def judged_of(
    items: Sequence[TrainItem],
    boxes: Sequence[Box],
    sides: Sequence[tuple[int, ...]],
    whole: bool,
    most_voxels: int,
) -> Judged:
    """The reviewed voxels in the boxes, in the largest units of which there are enough, else in
    those of which there are most.

    Of more than `most_voxels`, the middle of each region is judged, so that the judgement's time is
    bounded.
    """
    parts = [part for box in boxes for part in _parts(items[box.item], box, sides[box.item])]
    total = sum(part.reviewed.size for part in parts)
    if total > most_voxels:
        parts = [part for wide in parts if (part := _middle(wide, most_voxels / total)) is not None]
    dimensions = len(sides[0]) if sides else 2
    found = [_judged(parts, kind, split) for kind, split in _ways(parts, whole, dimensions)]
    enough = [judged for judged in found if judged.units >= FEWEST_UNITS]
    return enough[0] if enough else max(found, key=lambda judged: judged.units)


Split = Callable[[_Part], np.ndarray]


def _ways(parts: Sequence[_Part], whole: bool, dimensions: int) -> list[tuple[str, Split | None]]:
    """Kinds of units from large to small; None: a part is one unit."""
    name = (
        "volumes"
        if dimensions == 3
        else "slices"
        if any(part.frame for part in parts)
        else "images"
    )
    frames: list[tuple[str, Split | None]] = [(name, None)] if whole else []
    return [*frames, ("blocks", _blocks), ("objects", _objects)]


def _parts(item: TrainItem, box: Box, side: tuple[int, ...]) -> list[_Part]:
    found = []
    for frame, _ in item.frames(len(side)):
        region = in_frame(item.scan, frame, box, len(side))
        if region is not None and (reviewed := item.trust_of(frame, region) == REVIEWED).any():
            found.append(
                _Part(box.item, frame, region, reviewed, side, item.labels_of(frame, region))
            )
    return found


def _middle(part: _Part, share: float) -> _Part | None:
    """The same part with all but its middle cut off."""
    factor = share ** (1 / part.reviewed.ndim)
    lengths = [
        max(min(side, n), int(n * factor))
        for n, side in zip(part.reviewed.shape, part.side, strict=True)
    ]
    inner = tuple(
        slice((n - k) // 2, (n - k) // 2 + k)
        for n, k in zip(part.reviewed.shape, lengths, strict=True)
    )
    if not part.reviewed[inner].any():
        return None
    region = tuple(
        slice(r.start + i.start, r.start + i.stop) for r, i in zip(part.region, inner, strict=True)
    )
    return _Part(part.item, part.frame, region, part.reviewed[inner], part.side, part.labels[inner])


def _judged(parts: Sequence[_Part], kind: str, split: Split | None) -> Judged:
    pieces = []
    count = 0
    for part in parts:
        units = (
            np.where(part.reviewed, np.int32(0), np.int32(NOWHERE))
            if split is None
            else split(part)
        )
        if (units != NOWHERE).any():
            numbers, places = np.unique(units, return_inverse=True)
            own = np.where(numbers == NOWHERE, NOWHERE, count + np.cumsum(numbers != NOWHERE) - 1)
            pieces.append(
                Piece(
                    part.item,
                    part.frame,
                    part.region,
                    own[places].reshape(units.shape).astype(np.int32),
                )
            )
            count += int((numbers != NOWHERE).sum())
    return Judged(tuple(pieces), count, kind)


def _blocks(part: _Part) -> np.ndarray:
    """Blocks in a grid, those dropped of which too little was reviewed."""
    counts = [max(1, n // side) for n, side in zip(part.reviewed.shape, part.side, strict=True)]
    along = [
        np.arange(n) * count // n for n, count in zip(part.reviewed.shape, counts, strict=True)
    ]
    numbers: np.ndarray = np.asarray(np.ravel_multi_index(np.ix_(*along), counts))
    full = np.bincount(numbers.ravel(), minlength=math.prod(counts))
    reviewed = np.bincount(numbers[part.reviewed], minlength=math.prod(counts))
    kept = reviewed >= LEAST_BLOCK_SHARE * full
    return np.where(part.reviewed & kept[numbers], numbers, NOWHERE)


def _objects(part: _Part) -> np.ndarray:
    """Objects (connected foreground) with the voxels nearest to each."""
    numbers, count = label((part.labels > 0) & part.reviewed)
    large: np.ndarray = np.bincount(numbers.ravel(), minlength=count + 1) >= LEAST_OBJECT_VOXELS
    large[0] = False
    seeds = large[numbers]
    if not seeds.any():
        return np.full(part.reviewed.shape, NOWHERE)
    nearest = distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    return np.where(part.reviewed, numbers[tuple(nearest)], NOWHERE)
