"""What a training is given: a scan, its labels, and which of them are to be believed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.corrections import REVIEWED
from napari_unet.scans.scan import Index, Scan, Slices


@dataclass(frozen=True)
class TrainItem:
    """A scan with labels of its result shape; `trust` says which count (see `learn/corrections`), None: all were reviewed."""

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
