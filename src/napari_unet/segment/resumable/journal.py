"""Journals: which tiles a run has finished, kept beside its result, so that another run can resume
it.

Each run writes a journal of its own and to nobody else's: many can write at once, on any file
system, and a torn end costs one record. A record alone proves nothing: a tile counts as finished
only where the result still holds what the record says.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from napari_unet.files.append_only import DAMAGED_RECORD, AppendOnly, read_records
from napari_unet.files.moves import discard
from napari_unet.files.names import unusual_kind
from napari_unet.scans.scan import Index
from napari_unet.segment.resumable.part import Part, writer_name
from napari_unet.segment.statistics.frame import FrameStatistics

SUFFIX = ".journal"


@dataclass(frozen=True)
class TileRecord:
    """A finished tile: its number, the hash of what was written, what the task counts in it (such
    as the voxels of each class), and the voxels that were not finite.
    """

    tile: int
    sha256: str
    voxels: tuple[int, ...]
    nonfinite: int


@dataclass(frozen=True)
class JournalContents:
    """What journals say: the statistics of frames, the records of each tile, and which engines ran.

    A tile has several records where several runs computed it. `warned` is what libraries warned of
    in the reads of a worker; no journal has it.
    """

    statistics: dict[Index, FrameStatistics] = field(default_factory=dict)
    tiles: dict[int, list[TileRecord]] = field(default_factory=dict)
    engines: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


class RunJournal:
    """Writes one journal; raises `OutputError` where that is not possible."""

    def __init__(self, folder: Path, part: Part | None) -> None:
        self._file = AppendOnly(
            # a random name: a second run of the same part must not append to the first one's
            folder / f"{writer_name(part)}.{uuid4().hex[:8]}{SUFFIX}",
            private=False,
        )

    def statistics(self, frame: Index, statistics: FrameStatistics) -> None:
        """Write down the statistics of a frame."""
        self._append({"frame": frame, "statistics": statistics.as_dict()})

    def engine(self, name: str) -> None:
        """Write down that an engine has computed a tile."""
        self._append({"engine": name})

    def tile(self, record: TileRecord) -> None:
        """Write down that a tile is finished; its labels must have been written before."""
        self._append(asdict(record))

    def close(self) -> None:
        """Flush it to the disk, and append no more."""
        try:
            self._file.flush()
        finally:
            self._file.close()

    def remove(self) -> None:
        """Remove it, as if it had never been begun."""
        self._file.close()
        discard(self._file.path)

    def _append(self, values: dict[str, Any]) -> None:
        self._file.append(json.dumps(values).encode())


def part_journals(folder: Path, part: Part | None) -> list[Path]:
    """The journals that runs of a part have written."""
    return sorted(folder.glob(f"{writer_name(part)}.*{SUFFIX}"))


def read_run_journals(folder: Path) -> JournalContents:
    """Everything that the journals of a folder say, up to a torn or damaged record of each: the
    tiles after it are computed again.
    """
    found = JournalContents()
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for values in _records(path):
            if not _add(values, found):
                break
    return found


def _add(values: Any, found: JournalContents) -> bool:
    """Add a record to what was found; False where it is none of ours."""
    try:
        if "tile" in values:
            record = _tile_record(values)
            found.tiles.setdefault(record.tile, []).append(record)
        elif "engine" in values:
            found.engines.append(str(values["engine"]))
        else:
            statistics = FrameStatistics.from_dict(values["statistics"])
            found.statistics[tuple(int(n) for n in values["frame"])] = statistics
    except DAMAGED_RECORD:
        return False
    return True


def _records(path: Path) -> Iterator[Any]:
    if unusual_kind(path):
        return
    with suppress(FileNotFoundError):  # a run that was cancelled takes its journal with it
        for record in read_records(path):
            try:
                yield json.loads(record)
            except (ValueError, RecursionError):
                return


def _tile_record(values: dict[str, Any]) -> TileRecord:
    return TileRecord(
        int(values["tile"]),
        str(values["sha256"]),
        tuple(map(int, values["voxels"])),
        int(values["nonfinite"]),
    )
