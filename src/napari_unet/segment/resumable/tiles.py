"""The tiles of a resumable run: each is written, hashed, and only then written into the journal."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import NoSpaceError
from napari_unet.files.full_disk import is_same_disk
from napari_unet.progress import (
    always_continue,
    ignore,
)
from napari_unet.scans.formats.zarr_partial import remove_partial
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import digest, only_labels
from napari_unet.segment.resumable.journal import JournalContents, RunJournal, TileRecord
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.store import RunStore, StoredTile
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.totals import EnginesUsed, RunTotals

# what an interrupted run says then: its records hold for both files, or for the labels alone
GAVE_UP = (
    "There was no room for the probabilities, which were given up; a run that is resumed computes "
    "all tiles anew."
)


class ResumableRun(RunTotals):
    """Takes the tiles of `job`, which is narrowed to those of its share that are not finished."""

    def __init__(
        self,
        job: SegmentJob,
        store: RunStore,
        policy: ResumePolicy,
        known: JournalContents,
        finished: list[TileRecord],
    ) -> None:
        """`known` is what the journals say, `finished` the records of it that were verified."""
        super().__init__(replace(job, wanted=self._is_missing, statistics=known.statistics))
        self._store = store
        self._share = policy.share_of(store.grid.total)
        self._policy = policy
        self._statistics = dict(known.statistics)
        self.engines = EnginesUsed(known.engines)
        self._records: dict[int, TileRecord] = {}
        self.credited = False  # whether workers have finished some of its tiles
        self._pieces: dict[int, _Pieces] = {}  # tiles that memory made come in several pieces
        self._done = np.zeros(store.grid.total, bool)
        self._journal: RunJournal | None = None
        for record in finished:
            self._count(record)
        self.skipped = len(finished)

    @property
    def complete(self) -> bool:
        """Whether all tiles of this run's share are finished."""
        return bool(self._done[self._share.start : self._share.stop].all())

    @property
    def total(self) -> int:
        """How many tiles this run's share has."""
        return len(self._share)

    @property
    def finished(self) -> int:
        """How many tiles of it are finished."""
        return int(np.count_nonzero(self._done))

    @property
    def journal_contents(self) -> JournalContents:
        """What this run knows of the finished tiles, of their frames, of the engines, and of what
        libraries warned of in its reads.
        """
        frames = {self._store.grid.tile(number)[0] for number in self._records}
        statistics = {frame: value for frame, value in self._statistics.items() if frame in frames}
        return JournalContents(
            statistics,
            {number: [record] for number, record in self._records.items()},
            list(self.engines.names),
            self.job.scan.warned.texts,
        )

    @property
    def resume_hint(self) -> str:
        """How many tiles are finished, where they are, and how to resume."""
        if self.problem:
            return GAVE_UP
        if not self.finished:
            return ""
        count = f"{self.finished} of {len(self._share)} tiles"
        return f"{count} are kept in {self._store.folder}; {self._policy.how_to_resume}."

    def stored_tiles(self) -> Iterator[StoredTile]:
        """The finished tiles, as the files hold them."""
        yield from self._store.read_tiles(sorted(self._records))

    def missing(self) -> list[int]:
        """The numbers of the tiles that are not finished."""
        return [number for number in self._share if not self._done[number]]

    def take(self, tile: TileResult) -> None:
        """Write a tile, and then its record into the journal; a piece of a tile waits for the
        others.
        """
        if tile.provisional:
            return
        number = self._store.grid.number(tile.frame, tile.region)
        block = self._store.grid.tile(number)[1]
        self._note_statistics(tile)
        if self.engines.take(tile):
            self._own_journal().engine(tile.engine)
        whole = tile if block == tile.region else self._joined(number, block, tile)
        if whole is not None:
            try:
                self._write(number, whole)
            except NoSpaceError as error:
                if not self._give_up_probabilities(error):
                    raise
                self._write(number, whole)
        self.tiles += 1

    def credit(self, contents: JournalContents) -> None:
        """Count the tiles that a worker has finished, where the files hold what it wrote."""
        self.credited = True
        self._statistics = {**contents.statistics, **self._statistics}
        for engine in contents.engines:
            self.engines.add(engine)
        for text in contents.warned:
            self.job.scan.warned.add(text)
        records = {
            number: found for number, found in contents.tiles.items() if not self._done[number]
        }
        for record in self._store.verified(records, ignore, always_continue):
            self._count(record)
            self.tiles += 1

    def facts(self) -> dict[str, Any]:
        """What the metadata of a complete result say: tiles, what the task counts, voxels not
        finite, the statistics of each frame, and the engines.
        """
        frames = {
            ",".join(map(str, frame)): value.as_dict()
            for frame, value in sorted(self._statistics.items())
        }
        return {
            "tiles": self._store.grid.total,
            "voxels": _plain(self.counted),
            "nonfinite": self.nonfinite,
            "statistics": frames,
            **self.engines.facts(),
        }

    def close(self) -> None:
        """Flush the journal to the disk, and write no more into it."""
        if self._journal is not None:
            self._journal.close()

    def remove_journal(self) -> None:
        """Remove this run's journal, as if it had never begun; its tiles count as not computed."""
        if self._journal is not None:
            self._journal.remove()
            self._journal = None

    def gave_up(self, path: Path) -> bool:
        """Whether a file is left out of the results, since there was no room for it."""
        return all(sink.file.path != path for sink in self._store.sinks)

    def _write(self, number: int, tile: TileResult) -> None:
        """Write a whole tile into the files, and its record into the journal."""
        left = 1 - self.finished / len(self._share)
        sha256 = digest(sink.take(tile, left) for sink in self._store.sinks)
        record = TileRecord(number, sha256, _plain(self.counted_in(tile)), tile.nonfinite)
        self._own_journal().tile(record)
        self._count(record)

    def _give_up_probabilities(self, error: NoSpaceError) -> bool:
        """Remove the file of the probabilities, where that makes room for the labels; False where
        there is none, where it is not in the way, or where other processes write it too.
        """
        labels, *others = self._store.sinks
        if not others or not self._policy.whole:
            return False
        path = others[0].file.path
        if error.path != path and not is_same_disk(labels.file.path, path):
            return False
        self.problem = only_labels(labels.file.path, error)
        self._store = replace(self._store, sinks=(labels,))
        remove_partial(path, wait_s=None)
        return True

    def _is_missing(self, frame: Index, region: Slices) -> bool:
        number = self._store.grid.number(frame, region)
        return number in self._share and not self._done[number]

    def _joined(self, number: int, block: Slices, piece: TileResult) -> TileResult | None:
        """The tile of the plan, computed in pieces since memory was not enough for the whole; None
        while pieces are missing.
        """
        if number not in self._pieces:
            self._pieces[number] = _Pieces(block, piece)
        return self._pieces.pop(number).tile if self._pieces[number].add(piece) else None

    def _note_statistics(self, tile: TileResult) -> None:
        if tile.frame not in self._statistics:
            self._statistics[tile.frame] = tile.statistics
            self._own_journal().statistics(tile.frame, tile.statistics)

    def _count(self, record: TileRecord) -> None:
        self._done[record.tile] = True
        self._records[record.tile] = record
        self.counted += np.asarray(record.voxels, np.int64)
        self.nonfinite += record.nonfinite

    def _own_journal(self) -> RunJournal:
        """This run's journal; made when there is something to write, so that a run which computes
        nothing leaves no file.
        """
        self._journal = self._journal or RunJournal(self._store.folder, self._policy.part)
        return self._journal


class _Pieces:
    """A tile of the plan that is computed in pieces; they are put together here, since a chunk of
    the file must be written once and whole for its hash to hold.
    """

    def __init__(self, block: Slices, piece: TileResult) -> None:
        shape = tuple(part.stop - part.start for part in block)
        given = piece.probabilities
        probabilities = None if given is None else np.zeros((len(given), *shape), given.dtype)
        self.tile = replace(
            piece,
            region=block,
            labels=np.zeros(shape, piece.labels.dtype),
            probabilities=probabilities,
            nonfinite=0,
        )
        self._missing = prod(shape)

    def add(self, piece: TileResult) -> bool:
        """Take a piece; True when it was the last."""
        inside = tuple(
            slice(part.start - of.start, part.stop - of.start)
            for part, of in zip(piece.region, self.tile.region, strict=True)
        )
        self.tile.labels[inside] = piece.labels
        if self.tile.probabilities is not None and piece.probabilities is not None:
            self.tile.probabilities[:, *inside] = piece.probabilities
        self.tile = replace(self.tile, nonfinite=self.tile.nonfinite + piece.nonfinite)
        self._missing -= piece.labels.size
        return not self._missing


def _plain(counts: np.ndarray) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
