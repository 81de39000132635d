"""The regions that a child learns from, on which it has to gain too: a child that wins on what is
held out, but did not learn its own labels, was lucky.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from napari_unet.learn.data.boxes import bounding_box, middle_of
from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.evenly import evenly_chosen
from napari_unet.learn.data.item import TrainItem, box_in_frame
from napari_unet.learn.judging.held_out import HoldOut
from napari_unet.learn.judging.sampling_units import NOT_JUDGED, JudgedRegion, JudgedRegions
from napari_unet.scans.scan import Index, Slices

MOST_FRAMES = 8
MOST_VOXELS = 2**19  # two seconds on a laptop, for both models


def training_regions(items: Sequence[TrainItem], held: HoldOut, dimensions: int) -> JudgedRegions:
    """Trusted voxels that are neither held out nor in a margin, all as one sampling unit: of a few
    frames, the middle at most.
    """
    frames = [
        (number, *frame) for number, item in enumerate(items) for frame in item.frames(dimensions)
    ]
    trusted = [
        (number, frame, region)
        for number, frame, region in frames
        if (items[number].trust_of(frame, region) != UNTRUSTED).any()
    ]
    chosen = evenly_chosen(trusted, MOST_FRAMES)
    regions = tuple(
        region
        for teaching in chosen
        for region in _region(items, held, teaching, MOST_VOXELS // len(chosen))
    )
    return JudgedRegions(regions, 1 if regions else 0, "training")


def _region(
    items: Sequence[TrainItem], held: HoldOut, teaching: tuple[int, Index, Slices], voxels: int
) -> Iterator[JudgedRegion]:
    """The middle of what a frame teaches, if that is anything."""
    number, frame, whole = teaching
    item = items[number]
    teaches = item.trust_of(frame, whole) != UNTRUSTED
    for box in held.excluded_of(number):
        part = box_in_frame(item.scan, frame, box, len(whole))
        if part is not None:
            teaches[part] = False
    around = bounding_box(teaches)
    if around is None:
        return
    slices = middle_of(around, voxels)
    if teaches[slices].any():
        unit_numbers = np.where(teaches[slices], 0, NOT_JUDGED).astype(np.int32)
        yield JudgedRegion(number, frame, slices, unit_numbers)
