"""The tiles of a run that others can go on with: each is written, hashed, and only then journaled."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import OutputError
from napari_unet.progress import (
    GetControl,
    OnProgress,
    Progress,
    always_continue,
    ignore,
    should_stop,
)
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Sink, digest
from napari_unet.segment.resumable.journal import Journaled, RunJournal, TileRecord
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.stream import TileResult
from napari_unet.segment.tiles.tile_grid import TileGrid
from napari_unet.segment.totals import EnginesUsed, RunTotals


@dataclass(frozen=True)
class Restored:
    """A tile as files hold it: where it belongs, its labels and, where they are kept, its
    probabilities, classes first.

    The arrays are in the order in which `Scan.place` takes them.
    """

    frame: Index
    region: Slices
    labels: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True)
class Store:
    """Results that are begun: the folder of their journals, the files, and their tiles by number."""

    folder: Path
    sinks: tuple[Sink, ...]
    grid: TileGrid

    def verified(
        self, records: Mapping[int, list[TileRecord]], on_progress: OnProgress, control: GetControl
    ) -> list[TileRecord]:
        """Of what journals say, the tiles that the files hold as they were written; what is damaged
        is left out.
        """
        found = []
        for count, (number, said) in enumerate(sorted(records.items())):
            if should_stop(control):
                break
            on_progress(Progress(count, len(records), unit="finished tiles checked"))
            holds = self.hash_of(*self.grid.tile(number))
            found += [record for record in said if record.sha256 == holds][:1]
        return found

    def restored(self, numbers: Iterable[int]) -> Iterator[Restored]:
        """Tiles as the files hold them, one after the other."""
        for number in numbers:
            frame, region = self.grid.tile(number)
            labels, *others = (_read(sink, frame, region) for sink in self.sinks)
            yield Restored(
                frame, region, labels, _classes_first(others[0], labels) if others else None
            )

    def hash_of(self, frame: Index, region: Slices) -> str | None:
        """The hash of what the files hold there; None where they can not be read."""
        try:
            return digest(sink.read(frame, region) for sink in self.sinks)
        # a damaged chunk: each compressor has an error of its own, and each means to compute it
        # again
        except Exception:
            return None


class ResumableRun(RunTotals):
    """Takes the tiles of `job`: those of its `share` that are not among the finished ones."""

    def __init__(
        self,
        job: SegmentJob,
        store: Store,
        share: range,
        policy: ResumePolicy,
        known: Journaled,
        finished: list[TileRecord],
    ) -> None:
        super().__init__(replace(job, wanted=self._wants, statistics=known.statistics))
        self._store = store
        self._share = share
        self._policy = policy
        self._statistics = dict(known.statistics)
        self.engines = EnginesUsed(known.engines)
        self._records: dict[int, TileRecord] = {}
        self.credited = False  # whether others have finished some of its tiles
        self._pieces: dict[int, _Pieces] = {}  # tiles of the plan that come in smaller ones
        self._done = np.zeros(store.grid.total, bool)
        self._journal: RunJournal | None = None
        for record in finished:
            self._count(record)
        self.skipped = len(finished)

    @property
    def complete(self) -> bool:
        """Whether all tiles of the part are finished."""
        return bool(self._done[self._share.start : self._share.stop].all())

    @property
    def total(self) -> int:
        """How many tiles the part has."""
        return len(self._share)

    @property
    def finished(self) -> int:
        """How many tiles of the part are."""
        return int(np.count_nonzero(self._done))

    @property
    def said(self) -> Journaled:
        """What this run can say of the finished tiles, of their frames and of the engines."""
        frames = {self._store.grid.tile(number)[0] for number in self._records}
        statistics = {frame: value for frame, value in self._statistics.items() if frame in frames}
        return Journaled(
            statistics,
            {number: [record] for number, record in self._records.items()},
            list(self.engines.names),
        )

    @property
    def kept(self) -> str:
        """How many tiles are finished, where they are, and how to go on."""
        if not self.finished:
            return ""
        of = f"{self.finished} of {len(self._share)} tiles"
        return f"{of} are kept in {self._store.folder}; {self._policy.how}."

    def restored(self) -> Iterator[Restored]:
        """The tiles that are finished, as the files hold them."""
        yield from self._store.restored(sorted(self._records))

    def missing(self) -> list[int]:
        """The numbers of the tiles that are not finished."""
        return [number for number in self._share if not self._done[number]]

    def take(self, tile: TileResult) -> None:
        """Write a tile; where one of the plan is complete with it, journal that."""
        if tile.provisional:
            return
        number = self._store.grid.number(tile.frame, tile.region)
        block = self._store.grid.tile(number)[1]
        self._keep_statistics(tile)
        if self.engines.take(tile):
            self._written().engine(tile.engine)
        if (
            whole := tile if block == tile.region else self._joined(number, block, tile)
        ) is not None:
            sha256 = digest(sink.take(whole) for sink in self._store.sinks)
            self._finish(
                TileRecord(number, sha256, _plain(self.classes_in(whole)), whole.nonfinite)
            )
        self.tiles += 1

    def credit(self, said: Journaled) -> None:
        """Count the tiles that another has finished, where the files hold what was written."""
        self.credited = True
        self._statistics = {**said.statistics, **self._statistics}
        for engine in said.engines:
            self.engines.add(engine)
        records = {number: found for number, found in said.tiles.items() if not self._done[number]}
        for record in self._store.verified(records, ignore, always_continue):
            self._count(record)
            self.tiles += 1

    def facts(self) -> dict[str, Any]:
        """What a result that is complete says of itself: voxels of each class, those not finite,
        the statistics of each frame.
        """
        frames = {
            ",".join(map(str, frame)): value.as_dict()
            for frame, value in sorted(self._statistics.items())
        }
        counts = {
            "tiles": self._store.grid.total,
            "voxels": _plain(self.voxels),
            "nonfinite": self.nonfinite,
        }
        return {**counts, "statistics": frames, **self.engines.facts()}

    def close(self) -> None:
        """Have the disk keep the journal."""
        if self._journal is not None:
            self._journal.close()

    def forget(self) -> None:
        """Forget what this run has finished, as if it had never begun."""
        if self._journal is not None:
            self._journal.forget()
            self._journal = None

    def _wants(self, frame: Index, region: Slices) -> bool:
        number = self._store.grid.number(frame, region)
        return number in self._share and not self._done[number]

    def _joined(self, number: int, block: Slices, piece: TileResult) -> TileResult | None:
        """The tile of the plan that a piece belongs to, which memory did not suffice for; None
        while pieces are missing.
        """
        if number not in self._pieces:
            self._pieces[number] = _Pieces(block, piece)
        return self._pieces.pop(number).tile if self._pieces[number].add(piece) else None

    def _keep_statistics(self, tile: TileResult) -> None:
        if tile.frame not in self._statistics:
            self._statistics[tile.frame] = tile.statistics
            self._written().statistics(tile.frame, tile.statistics)

    def _finish(self, record: TileRecord) -> None:
        self._written().tile(record)
        self._count(record)

    def _count(self, record: TileRecord) -> None:
        self._done[record.tile], self._records[record.tile] = True, record
        self.voxels += np.asarray(record.voxels, np.int64)
        self.nonfinite += record.nonfinite

    def _written(self) -> RunJournal:
        """The journal, begun when there is something to say."""
        self._journal = self._journal or RunJournal(self._store.folder, self._policy.part)
        return self._journal


class _Pieces:
    """A tile of the plan that comes in pieces, put together here, so that it is written once and
    whole, as any other.
    """

    def __init__(self, block: Slices, piece: TileResult) -> None:
        shape = tuple(part.stop - part.start for part in block)
        kept = piece.probabilities
        probabilities = None if kept is None else np.zeros((len(kept), *shape), kept.dtype)
        self.tile = replace(
            piece,
            region=block,
            labels=np.zeros(shape, piece.labels.dtype),
            probabilities=probabilities,
            nonfinite=0,
        )
        self._missing = prod(shape)

    def add(self, piece: TileResult) -> bool:
        """Take a piece; whether it was the last."""
        place = tuple(
            slice(part.start - of.start, part.stop - of.start)
            for part, of in zip(piece.region, self.tile.region, strict=True)
        )
        self.tile.labels[place] = piece.labels
        if self.tile.probabilities is not None and piece.probabilities is not None:
            self.tile.probabilities[:, *place] = piece.probabilities
        self.tile = replace(self.tile, nonfinite=self.tile.nonfinite + piece.nonfinite)
        self._missing -= piece.labels.size
        return not self._missing


def _read(sink: Sink, frame: Index, region: Slices) -> np.ndarray:
    """What a file holds there; raises `OutputError` where it can not be read, or is damaged."""
    try:
        return sink.read(frame, region)
    except MemoryError:
        raise
    except OSError as error:
        raise OutputError(f"{sink.file.path} can not be read: {error}.") from error
    except Exception as error:  # a damaged chunk: each compressor has an error of its own
        raise OutputError(
            f"{sink.file.path} is damaged ({error}). Choose another name, or remove it and begin anew."
        ) from error


def _classes_first(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities with an axis for classes, of which two have one."""
    return probabilities if probabilities.ndim > labels.ndim else probabilities[None]


def _plain(counts: np.ndarray) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
