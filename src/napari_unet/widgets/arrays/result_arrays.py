"""The arrays that a run fills: labels, which are computed, and probabilities where wanted."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.learn.data.corrections import UNTRUSTED, Corrections
from napari_unet.scans.scan import Scan
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tasks.task import PROBABILITY_DTYPE
from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.done_map import DoneMap
from napari_unet.widgets.arrays.mapped_array import Lengths, zeros

if TYPE_CHECKING:  # both import torch
    from napari_unet.segment.resumable.store import StoredTile
    from napari_unet.segment.tiles.tile_result import TileResult

PIECE_VOXELS = 2**20


class ResultArrays:
    """The arrays of one result: written by the worker's thread, shown by the main thread."""

    def __init__(
        self, job: SegmentJob, corrections: Corrections | None = None, folder: Path | None = None
    ) -> None:
        """`corrections` are those of an earlier result: no tile overwrites them, and their arrays
        become those of this result.

        Large arrays lie in `folder` where the usual one has no room.
        """
        self._scan: Scan | None = job.scan
        shape = job.scan.result_shape
        part = part_to_write(job)
        self.task = job.task
        dtype = self.task.label_dtype
        if corrections is None:
            self.labels = zeros(shape, dtype, part, folder)
            self.trust = None
        else:
            self.labels = corrections.labels
            self.trust = corrections.trust
        # the model's labels, whatever is painted on `labels`
        self.prediction = zeros(shape, dtype, part, folder)
        self.probabilities: np.ndarray | None = None
        if job.settings.keep_probabilities:
            channels = self.task.probability_axis
            axis = (channels,) if channels else ()
            self.probabilities = zeros((*axis, *shape), PROBABILITY_DTYPE, (*axis, *part), folder)
        self.done = DoneMap(shape, job.dimensions)

    def write(self, tile: "TileResult") -> None:
        """Put a finished tile where it belongs; its arrays have the order of the frame's axes."""
        if (scan := self._scan) is None:
            return
        region = scan.result_index(tile.frame, tile.region)
        parts = None
        if tile.probabilities is not None:
            parts = [scan.to_result_axes(part) for part in tile.probabilities]
        self._put(region, scan.to_result_axes(tile.labels), parts, tile.provisional)

    def restore(self, tile: "StoredTile") -> None:
        """Put back a tile of an earlier run; its arrays have the order of the result's axes."""
        if (scan := self._scan) is not None:
            parts = None if tile.probabilities is None else list(tile.probabilities)
            self._put(scan.result_index(tile.frame, tile.region), tile.labels, parts)

    def _put(
        self,
        region: tuple[int | slice, ...],
        predicted: np.ndarray,
        probabilities: Sequence[np.ndarray] | None,
        provisional: bool = False,
    ) -> None:
        self.prediction[region] = predicted
        if self.trust is not None:
            predicted = np.where(self.trust[region] != UNTRUSTED, self.labels[region], predicted)
        self.labels[region] = predicted
        if (target := self.probabilities) is not None and probabilities is not None:
            if self.task.probability_axis:
                for number, part in enumerate(probabilities):
                    target[(number, *region)] = part
            else:
                target[region] = probabilities[0]
        self.done.mark(region, provisional)

    @property
    def can_redecide(self) -> bool:
        """Whether another threshold gives other labels without a new run."""
        return self.probabilities is not None and self.task.can_redecide

    def redecided(self, box: Box, threshold: float) -> np.ndarray:
        """The labels of a box with another threshold, where `can_redecide`."""
        if self.probabilities is None:
            raise ValueError("No probabilities were kept.")
        index = (slice(None), *box) if self.task.probability_axis else box
        return self.task.redecide(self.probabilities[index], threshold)

    def update_corrections(self, corrections: Corrections) -> None:
        """Take over what was corrected in the earlier result since the run began."""
        if self.trust is None:
            return
        for box in boxes(self.labels.shape, PIECE_VOXELS):
            if (trust := corrections.trust[box]).any() or self.trust[box].any():
                self.labels[box] = np.where(
                    trust != UNTRUSTED, corrections.labels[box], self._without_older(box)
                )
                self.trust[box] = trust

    def _without_older(self, box: Box) -> np.ndarray:
        """The labels of a box as they were before any corrections were taken over."""
        labels = self.labels[box]
        if self.trust is None:
            return labels
        return np.where(self.trust[box] != UNTRUSTED, self.prediction[box], labels)

    def release_scan(self) -> None:
        """Let the image go when the run is over."""
        self._scan = None


def part_to_write(job: SegmentJob) -> Lengths:
    """How many voxels along each axis of a result a job writes: its frames and their region."""
    scan = job.scan
    lengths = {
        letter: side.stop - side.start
        for letter, side in zip(scan.frame_axes(job.dimensions), job.region, strict=True)
    }
    grid = scan.grid_axes(job.dimensions)
    for letter, indices in zip(grid, zip(*job.frames, strict=True), strict=False):
        lengths[letter] = len(set(indices))
    return tuple(lengths.get(letter, 0) for letter in scan.result_axes)
