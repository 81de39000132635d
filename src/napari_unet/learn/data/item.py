"""What a training is given: a scan, its labels, and which of them are to be believed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.scans.scan import Index, Scan, Slices


@dataclass(frozen=True)
class TrainItem:
    """A scan with labels of its result shape; `trust` says which are believed (see
    `learn.data.corrections`), None: all were reviewed.
    """

    scan: Scan
    labels: np.ndarray
    trust: np.ndarray | None = None

    def frames(self, dimensions: int) -> Iterator[tuple[Index, Slices]]:
        """Every frame with its whole region."""
        whole = tuple(slice(0, n) for n in self.scan.frame_shape(dimensions))
        return ((frame, whole) for frame in self.scan.frames(dimensions))

    def labels_of(self, frame: Index, region: Slices) -> np.ndarray:
        """The labels of a region, in the order of the frame's axes."""
        return cut(self.scan, self.labels, frame, region)

    def trust_of(self, frame: Index, region: Slices) -> np.ndarray:
        """The trust of a region, in the order of the frame's axes."""
        if self.trust is None:
            return np.full(tuple(part.stop - part.start for part in region), REVIEWED, np.uint8)
        return cut(self.scan, self.trust, frame, region)


def cut(scan: Scan, array: np.ndarray, frame: Index, region: Slices) -> np.ndarray:
    """A region of an array of the scan's result shape, in the order of the frame's axes."""
    letters = scan.frame_axes(len(region))
    own = [a for a in scan.result_axes if a in letters]
    return np.asarray(array[scan.place(frame, region)]).transpose([own.index(a) for a in letters])


@dataclass(frozen=True)
class Box:
    """A part of an item, along the axes of its labels."""

    item: int
    slices: Slices


def in_frame(scan: Scan, frame: Index, box: Box, dimensions: int) -> Slices | None:
    """The part of a frame that lies in a box, in the order of the frame's axes; None where there is
    none.
    """
    along = dict(zip(scan.result_axes, box.slices, strict=True))
    if any(
        not along[a].start <= at < along[a].stop
        for a, at in zip(scan.grid_axes(dimensions), frame, strict=True)
    ):
        return None
    return tuple(along[a] for a in scan.frame_axes(dimensions))
