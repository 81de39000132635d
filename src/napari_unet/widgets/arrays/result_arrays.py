"""The arrays that a run fills: labels, what of them is done, and probabilities where they are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from napari_unet.learn.data.corrections import UNTRUSTED, Corrections
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.job import SegmentJob
from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.done_map import DoneMap
from napari_unet.widgets.arrays.mapped_array import Part, zeros

PIECE_VOXELS = 2**20


class StoredTile(Protocol):
    """What a file holds of a tile; its arrays are in the order in which `Scan.place` takes them."""

    @property
    def frame(self) -> Index:
        """Which frame it belongs to."""

    @property
    def region(self) -> Slices:
        """Where it lies in the frame."""

    @property
    def labels(self) -> np.ndarray:
        """Labels of the region."""

    @property
    def probabilities(self) -> np.ndarray | None:
        """Probabilities of the region, classes first, where they are kept."""


class Tile(StoredTile, Protocol):
    """What a run delivers, as far as it matters here; its arrays are in the order of the frame's
    axes.
    """

    @property
    def provisional(self) -> bool:
        """Whether a later tile covers it."""


class ResultArrays:
    """Written by the worker's thread, shown by the main thread; knows neither Qt nor napari."""

    def __init__(
        self, job: SegmentJob, kept: Corrections | None = None, folder: Path | None = None
    ) -> None:
        """`kept` are corrections of an earlier result, which no tile covers; they belong to this
        one from now on.

        Large arrays lie in `folder` where the usual one has no room.
        """
        self._scan: Scan | None = job.scan
        shape = job.scan.result_shape
        classes = len(job.spec.classes)
        part = part_to_write(job)
        self.labels = zeros(shape, np.uint8, part, folder) if kept is None else kept.labels
        self.trust = None if kept is None else kept.trust
        self.prediction = zeros(
            shape, np.uint8, part, folder
        )  # as the model gave it, whatever is painted
        self.probabilities: np.ndarray | None = None
        if job.settings.keep_probabilities:
            several = () if classes == 2 else (classes,)
            self.probabilities = zeros((*several, *shape), np.float16, (*several, *part), folder)
        self.done = DoneMap(shape, job.dimensions)

    def write(self, tile: Tile) -> None:
        """Put a finished tile where it belongs."""
        if (scan := self._scan) is None:
            return
        parts = (
            None
            if tile.probabilities is None
            else [scan.to_place(part) for part in tile.probabilities]
        )
        self._put(
            scan.place(tile.frame, tile.region), scan.to_place(tile.labels), parts, tile.provisional
        )

    def restore(self, tile: StoredTile) -> None:
        """Put back a tile that was finished by an earlier run."""
        if (scan := self._scan) is not None:
            self._put(
                scan.place(tile.frame, tile.region),
                tile.labels,
                None if tile.probabilities is None else list(tile.probabilities),
            )

    def _put(
        self,
        place: tuple[int | slice, ...],
        predicted: np.ndarray,
        probabilities: Sequence[np.ndarray] | None,
        provisional: bool = False,
    ) -> None:
        self.prediction[place] = predicted
        if self.trust is not None:
            predicted = np.where(self.trust[place] != UNTRUSTED, self.labels[place], predicted)
        self.labels[place] = predicted
        if (target := self.probabilities) is not None and probabilities is not None:
            if len(probabilities) == 1:
                target[place] = probabilities[0]
            else:
                for number, part in enumerate(probabilities):
                    target[(number, *place)] = part
        self.done.mark(place, provisional)

    def keep(self, corrections: Corrections) -> None:
        """Take what was corrected in the earlier result since the run began."""
        if self.trust is None:
            return
        for box in boxes(self.labels.shape, PIECE_VOXELS):
            if (trust := corrections.trust[box]).any() or self.trust[box].any():
                self.labels[box] = np.where(
                    trust != UNTRUSTED, corrections.labels[box], self._without_older(box)
                )
                self.trust[box] = trust

    def _without_older(self, box: Box) -> np.ndarray:
        """The labels with the prediction back where an earlier copy of corrections was."""
        trust = self.trust
        return (
            self.labels[box]
            if trust is None
            else np.where(trust[box] != UNTRUSTED, self.prediction[box], self.labels[box])
        )

    def forget_scan(self) -> None:
        """Let the image go when the run is over."""
        self._scan = None


def part_to_write(job: SegmentJob) -> Part:
    """How many places along each axis of a result a job writes: its frames, and the region of each."""
    scan = job.scan
    lengths = {
        letter: side.stop - side.start
        for letter, side in zip(scan.frame_axes(job.dimensions), job.region, strict=True)
    }
    for letter, places in zip(
        scan.grid_axes(job.dimensions), zip(*job.frames, strict=True), strict=False
    ):
        lengths[letter] = len(set(places))
    return tuple(lengths.get(letter, 0) for letter in scan.result_axes)
