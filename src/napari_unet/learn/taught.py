"""Some of the voxels that taught a model, so that it can be asked what it made of them."""

from collections.abc import Iterator, Sequence

import numpy as np

from napari_unet.learn.corrections import UNTRUSTED
from napari_unet.learn.crop import bounding_box
from napari_unet.learn.held_out import HoldOut
from napari_unet.learn.item import TrainItem
from napari_unet.learn.looks import middle
from napari_unet.learn.units import NOWHERE, Judged, Piece, in_frame
from napari_unet.scans.scan import Index, Slices

MOST_FRAMES = 8
MOST_VOXELS = 2**19  # two seconds on a laptop, for both models


def taught_of(items: Sequence[TrainItem], held: HoldOut, dimensions: int) -> Judged:
    """Trusted voxels that are neither held out nor in a band, all as one unit: the middle of some frames' at most."""
    frames = [(number, *frame) for number, item in enumerate(items) for frame in item.frames(dimensions)]
    found = [frame for frame in frames if (items[frame[0]].trust_of(*frame[1:]) != UNTRUSTED).any()]
    chosen = np.unique(np.linspace(0, len(found) - 1, min(MOST_FRAMES, len(found))).round().astype(int))
    pieces = tuple(piece for n in chosen for piece in _piece(items, held, found[n], MOST_VOXELS // len(chosen)))
    return Judged(pieces, 1 if pieces else 0, "taught")


def _piece(items: Sequence[TrainItem], held: HoldOut, frame: tuple[int, Index, Slices], voxels: int) -> Iterator[Piece]:
    number, index, region = frame
    known = items[number].trust_of(index, region) != UNTRUSTED
    for wall in held.walls_of(number):
        part = in_frame(items[number].scan, index, wall, len(region))
        if part is not None:
            known[part] = False
    if (box := bounding_box(known)) is not None:
        chosen = middle(box, voxels)
        if known[chosen].any():
            yield Piece(number, index, chosen, np.where(known[chosen], 0, NOWHERE).astype(np.int32))
