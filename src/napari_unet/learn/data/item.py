"""What a training is given: a scan, its labels, and how far they are trusted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.corrections import REVIEWED, TRUST_DTYPE, Corrections
from napari_unet.scans.scan import Index, Scan, Slices


@dataclass(frozen=True)
class TrainItem:
    """A scan with labels of its result shape; `trust` says which of them count (see
    `learn/data/corrections.py`), None: all were reviewed.

    `name` is what the scan is called in sentences about it; `notes` are sentences about its labels
    and trust that the user should read.
    """

    scan: Scan
    labels: np.ndarray
    trust: np.ndarray | None = None
    name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def corrections(self) -> Corrections:
        """The labels with the trust of each voxel; where all were reviewed, that takes no memory
        and can not be written to.
        """
        reviewed = np.broadcast_to(TRUST_DTYPE.type(REVIEWED), self.labels.shape)
        return Corrections(self.labels, reviewed if self.trust is None else self.trust)

    def frames(self, dimensions: int) -> Iterator[tuple[Index, Slices]]:
        """Every frame with its whole region."""
        whole = tuple(slice(0, n) for n in self.scan.frame_shape(dimensions))
        return ((frame, whole) for frame in self.scan.frames(dimensions))

    def labels_of(self, frame: Index, region: Slices) -> np.ndarray:
        """The labels of a region, in the order of the frame's axes."""
        return self._part(self.labels, frame, region)

    def trust_of(self, frame: Index, region: Slices) -> np.ndarray:
        """The trust of a region, in the order of the frame's axes."""
        if self.trust is None:
            return np.full(tuple(part.stop - part.start for part in region), REVIEWED, TRUST_DTYPE)
        return self._part(self.trust, frame, region)

    def _part(self, array: np.ndarray, frame: Index, region: Slices) -> np.ndarray:
        part = np.asarray(array[self.scan.result_index(frame, region)])
        return in_frame_order(self.scan, part, len(region))


def in_frame_order(scan: Scan, part: np.ndarray, dimensions: int) -> np.ndarray:
    """A part of one frame of an array of the scan's result shape, its axes in the frame's order."""
    wanted = scan.frame_axes(dimensions)
    own = [axis for axis in scan.result_axes if axis in wanted]
    return part.transpose([own.index(axis) for axis in wanted])


@dataclass(frozen=True)
class ItemBox:
    """A part of an item, along the axes of its labels."""

    item: int
    slices: Slices


def box_in_frame(scan: Scan, frame: Index, box: ItemBox, dimensions: int) -> Slices | None:
    """The part of a frame that lies in a box, in the order of the frame's axes; None where there is
    none.
    """
    along = dict(zip(scan.result_axes, box.slices, strict=True))
    grid = zip(scan.grid_axes(dimensions), frame, strict=True)
    if any(not along[axis].start <= at < along[axis].stop for axis, at in grid):
        return None
    return tuple(along[axis] for axis in scan.frame_axes(dimensions))
