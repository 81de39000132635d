"""What two models are looked at for: judged pieces, and frames with corrections, of which the
untouched rest is compared.

Labels are those of `napari_unet.segment` with the exact halo on the native scan, computed for the
regions alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.crop import bounding_box
from napari_unet.learn.data.item import TrainItem, in_frame
from napari_unet.learn.judging.confusion import Counts, count
from napari_unet.learn.judging.held_out import HoldOut
from napari_unet.learn.judging.sampling_units import NOWHERE, Judged, Piece
from napari_unet.model.model import Model
from napari_unet.progress import Control, GetControl
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run import segment_region
from napari_unet.segment.settings import SegmentSettings

LOOKED_VOXELS = 2**20  # of frames with corrections


@dataclass(frozen=True)
class Look:
    """A region of a frame of an item that models are run on."""

    item: int
    frame: Index
    region: Slices

    def holds(self, piece: Piece) -> bool:
        """Whether a piece lies within."""
        same = (self.item, self.frame) == (piece.item, piece.frame)
        return same and all(
            a.start <= b.start and b.stop <= a.stop
            for a, b in zip(self.region, piece.region, strict=True)
        )

    def part(self, labels: np.ndarray, region: Slices) -> np.ndarray:
        """The labels of a region within this look's."""
        return labels[
            tuple(
                slice(b.start - a.start, b.stop - a.start)
                for a, b in zip(self.region, region, strict=True)
            )
        ]


@dataclass(frozen=True)
class Changed:
    """Where two models disagree in a region of a frame of an item, in the order of the frame's
    axes.
    """

    item: int
    frame: Index
    region: Slices
    mask: np.ndarray


def looks_at(
    items: Sequence[TrainItem], pieces: Sequence[Piece], dimensions: int, corrections: bool
) -> list[Look]:
    """The regions to run: frames with `corrections` up to a number of voxels, and the `pieces` not
    among them.
    """
    looks = list(_corrected(items, dimensions)) if corrections else []
    return looks + [
        Look(p.item, p.frame, p.region) for p in pieces if not any(look.holds(p) for look in looks)
    ]


def _corrected(items: Sequence[TrainItem], dimensions: int) -> Iterator[Look]:
    left = LOOKED_VOXELS
    for number, item in enumerate(items):
        for frame, whole in item.frames(dimensions) if item.trust is not None else ():
            box = bounding_box(item.trust_of(frame, whole) != UNTRUSTED)
            if box is None or left < 1:
                continue
            region = whole if voxels_of(whole) <= left else middle(box, left)
            left -= voxels_of(region)
            yield Look(number, frame, region)


def middle(box: Slices, voxels: int) -> Slices:
    """The middle of a box, of about so many voxels at most."""
    factor = min(1.0, (voxels / voxels_of(box)) ** (1 / len(box)))
    lengths = [max(1, int((part.stop - part.start) * factor)) for part in box]
    starts = [
        (part.start + part.stop - length) // 2 for part, length in zip(box, lengths, strict=True)
    ]
    return tuple(
        slice(start, start + length) for start, length in zip(starts, lengths, strict=True)
    )


def voxels_of(region: Slices) -> int:
    """How many voxels a region has."""
    return int(np.prod([part.stop - part.start for part in region]))


def labels_of(
    model: Model,
    items: Sequence[TrainItem],
    looks: Sequence[Look],
    device: str,
    control: GetControl,
) -> list[np.ndarray]:
    """The model's labels of every look, in the order of the frame's axes. STOP is not heeded: half
    a look says nothing.
    """
    engine = TorchEngine(model.network, choose_device(device))
    return [
        region_labels(model, items[look.item].scan, look, engine, without_stop(control))
        for look in looks
    ]


def region_labels(
    model: Model, scan: Scan, look: Look, engine: Engine, control: GetControl
) -> np.ndarray:
    """The model's labels of one region."""
    job = plan_job(model.spec, scan, SegmentSettings(halo="exact"), [look.frame], look.region)
    return segment_region(model, job, engine=engine, control=control)


def without_stop(control: GetControl) -> GetControl:
    """The same wish, with STOP taken as CONTINUE: what follows is short, and needed to keep what
    there is.
    """

    def ask() -> Control:
        answer = control()
        return Control.CONTINUE if answer is Control.STOP else answer

    return ask


def counts_of(
    items: Sequence[TrainItem],
    judged: Judged,
    looks: Sequence[Look],
    labels: Sequence[np.ndarray],
    classes: int,
) -> Counts:
    """How often labels are right and wrong in each judged unit."""
    total = Counts.none(judged.units, classes)
    for piece in judged.pieces:
        look, found = next(
            (look, found) for look, found in zip(looks, labels, strict=True) if look.holds(piece)
        )
        truth = items[piece.item].labels_of(piece.frame, piece.region)
        total = total + count(
            look.part(found, piece.region), truth, piece.units, (judged.units, classes)
        )
    return total


def changes(
    looks: Sequence[Look], parent: Sequence[np.ndarray], child: Sequence[np.ndarray]
) -> tuple[Changed, ...]:
    """Where the two disagree."""
    return tuple(
        Changed(look.item, look.frame, look.region, a != b)
        for look, a, b in zip(looks, parent, child, strict=True)
    )


def shares(
    items: Sequence[TrainItem],
    looks: Sequence[Look],
    parent: Sequence[np.ndarray],
    child: Sequence[np.ndarray],
) -> tuple[float | None, float | None]:
    """Of the trusted voxels that the parent has wrong, how many the child has right; of the
    untouched, how many changed.
    """
    wrong = right = untouched = changed = 0
    for look, before, after in zip(looks, parent, child, strict=True):
        known = items[look.item].trust_of(look.frame, look.region) != UNTRUSTED
        corrected = known & (before != items[look.item].labels_of(look.frame, look.region))
        wrong += int(corrected.sum())
        right += int(
            (after == items[look.item].labels_of(look.frame, look.region))[corrected].sum()
        )
        untouched += int((~known).sum())
        changed += int((before != after)[~known].sum())
    return right / wrong if wrong else None, changed / untouched if untouched else None


MOST_FRAMES = 8
MOST_VOXELS = 2**19  # two seconds on a laptop, for both models


def taught_of(items: Sequence[TrainItem], held: HoldOut, dimensions: int) -> Judged:
    """Trusted voxels that are neither held out nor in a band, all as one unit: the middle of some
    frames' at most.
    """
    frames = [
        (number, *frame) for number, item in enumerate(items) for frame in item.frames(dimensions)
    ]
    found = [frame for frame in frames if (items[frame[0]].trust_of(*frame[1:]) != UNTRUSTED).any()]
    chosen = np.unique(
        np.linspace(0, len(found) - 1, min(MOST_FRAMES, len(found))).round().astype(int)
    )
    pieces = tuple(
        piece for n in chosen for piece in _piece(items, held, found[n], MOST_VOXELS // len(chosen))
    )
    return Judged(pieces, 1 if pieces else 0, "taught")


def _piece(
    items: Sequence[TrainItem], held: HoldOut, frame: tuple[int, Index, Slices], voxels: int
) -> Iterator[Piece]:
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
