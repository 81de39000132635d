"""The files of a run, and how the results of tiles are put into them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import OutputError
from napari_unet.files.full_disk import no_space_explained
from napari_unet.files.names import persistently
from napari_unet.scans.formats.registry import is_resumable
from napari_unet.scans.formats.result_file import ResultFile, compressed_bytes
from napari_unet.scans.formats.zarr_pyramid import size_of_coarser
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tasks.task import PROBABILITY_DTYPE
from napari_unet.segment.tiles.tile_result import TileResult


@dataclass(frozen=True)
class Outputs:
    """Where the results of one image go: the labels, and the probabilities if they are wanted."""

    labels: Path
    probabilities: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Both, or the labels' alone."""
        return [path for path in (self.labels, self.probabilities) if path is not None]


@dataclass(frozen=True)
class Sink:
    """A result file and the array in it that is written to.

    It holds labels, or probabilities if its numbers are real.
    """

    file: ResultFile
    array: Any

    def take(self, tile: TileResult, left: float = 1.0) -> np.ndarray:
        """Write a tile's labels, or its probabilities, and return what was written.

        `left` is the share of all tiles that is not written yet, for the sentence of the
        `NoSpaceError` that is raised where the disk takes no more.
        """
        values = self._values(tile)
        index = self._index(tile.frame, tile.region)
        with no_space_explained(self.file.path, expected_bytes(self.file, left)):
            persistently(lambda: self.array.__setitem__(index, values))
        return values

    def read(self, frame: Index, region: Slices) -> np.ndarray:
        """What the file holds there; for a damaged file, raises what its library raises."""
        return np.asarray(self.array[self._index(frame, region)])

    def _values(self, tile: TileResult) -> np.ndarray:
        scan = self.file.scan
        dtype = np.dtype(self.array.dtype)
        if dtype.kind != "f":
            return scan.to_result_axes(tile.labels)
        if tile.probabilities is None:
            raise ValueError("The job does not keep probabilities, but a file for them is open.")
        if self.file.channels:
            channels = [scan.to_result_axes(part) for part in tile.probabilities]
            return np.stack(channels).astype(dtype)
        return scan.to_result_axes(tile.probabilities[0]).astype(dtype)

    def _index(self, frame: Index, region: Slices) -> tuple[int | slice, ...]:
        index = self.file.scan.result_index(frame, region)
        return self.file.index_with_channels(index) if self.file.channels else index


def result_files(
    job: SegmentJob, outputs: Outputs, facts: dict[str, Any], chunks: tuple[int, ...] | None = None
) -> list[ResultFile]:
    """The files of a job: of its labels and, if they are wanted, its probabilities."""
    files = [ResultFile(outputs.labels, job.scan, job.task.label_dtype, facts=facts, chunks=chunks)]
    if outputs.probabilities is not None:
        channels = job.task.probability_axis
        files.append(
            ResultFile(outputs.probabilities, job.scan, PROBABILITY_DTYPE, channels, facts, chunks)
        )
    return files


def expected_bytes(file: ResultFile, left: float = 1.0) -> int:
    """About what a file will still take on its disk: so much is `left` of its finest level, a share
    of 1, and the coarser ones that a zarr gets.
    """
    if is_resumable(file.path):
        return compressed_bytes(file.dtype, left * prod(file.shape) + size_of_coarser(file))
    dtype = np.float32 if np.dtype(file.dtype).kind == "f" else file.dtype  # as in a TIFF
    return compressed_bytes(dtype, left * prod(file.shape))


def only_labels(labels: Path, error: OutputError) -> str:
    """What to say where the labels are written, and the file of the probabilities was not."""
    return f"The labels are in {labels}, without the probabilities. {error}"


def digest(parts: Iterable[np.ndarray]) -> str:
    """The SHA-256 of arrays, one after the other, in hex digits; the same on every machine."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
    return hashed.hexdigest()
