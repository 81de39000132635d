"""What a resumable run writes into, and what of it is checked and read back tile by tile."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.errors import OutputError
from napari_unet.files.room import check_room
from napari_unet.progress import GetControl, OnProgress, Progress, should_stop
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_write import writing
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.outputs import Sink, digest, expected_bytes
from napari_unet.segment.resumable.journal import TileRecord
from napari_unet.segment.tiles.tile_grid import TileGrid


@dataclass(frozen=True)
class StoredTile:
    """A tile as the files hold it: where it belongs, its labels and, where there is a file for
    them, its probabilities, classes first.

    The axes of the arrays are in the order of `Scan.result_axes`.
    """

    frame: Index
    region: Slices
    labels: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True)
class RunStore:
    """What a run writes into: the folder of its journals, the result files, and the numbers of
    their tiles.
    """

    folder: Path
    sinks: tuple[Sink, ...]
    grid: TileGrid

    def verified(
        self, records: Mapping[int, list[TileRecord]], on_progress: OnProgress, control: GetControl
    ) -> list[TileRecord]:
        """The records whose tiles the files still hold as they were written, one for each tile;
        damaged tiles are left out.
        """
        found = []
        for count, (number, claims) in enumerate(sorted(records.items())):
            if should_stop(control):
                break
            on_progress(Progress(count, len(records), unit="finished tiles checked"))
            actual = self.hash_of(*self.grid.tile(number))
            found += [record for record in claims if record.sha256 == actual][:1]
        return found

    def read_tiles(self, numbers: Iterable[int]) -> Iterator[StoredTile]:
        """Tiles as the files hold them, one after the other."""
        for number in numbers:
            frame, region = self.grid.tile(number)
            labels, *others = (_read(sink, frame, region) for sink in self.sinks)
            probabilities = _classes_first(others[0], labels) if others else None
            yield StoredTile(frame, region, labels, probabilities)

    def hash_of(self, frame: Index, region: Slices) -> str | None:
        """The hash of what the files hold there; None where that can not be read."""
        try:
            return digest(sink.read(frame, region) for sink in self.sinks)
        # each compressor has an error of its own for a damaged chunk; the tile is computed again
        except Exception:
            return None


def _read(sink: Sink, frame: Index, region: Slices) -> np.ndarray:
    """What a file holds there; raises `OutputError` where it can not be read, or is damaged."""
    try:
        return sink.read(frame, region)
    except MemoryError:
        raise  # nothing is damaged
    except OSError as error:
        raise OutputError(f"{sink.file.path} can not be read: {error}.") from error
    except Exception as error:  # a damaged chunk: each compressor has an error of its own
        raise OutputError(
            f"{sink.file.path} is damaged ({error}). Choose another name, or remove it and begin "
            "anew."
        ) from error


def _classes_first(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities with an axis for classes first; a file of two classes has no such axis."""
    return probabilities if probabilities.ndim > labels.ndim else probabilities[None]


def check_room_for(files: list[ResultFile], left: float) -> None:
    """Raise `OutputError` where a file's disk has no room for what is `left` of its finest level, a
    share of 1, and for the coarser ones.
    """
    for file in files:
        folder = file.path.resolve().parent
        with writing(folder / file.path.name):
            check_room(folder, expected_bytes(file, left))
