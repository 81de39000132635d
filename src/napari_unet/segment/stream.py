"""Finished tiles one after the other, nearest to where the user looks first."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from napari_unet.errors import Cancelled, NotEnoughMemoryError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes, torch
from napari_unet.progress import (
    Clock,
    GetControl,
    OnProgress,
    Progress,
    Stopped,
    always_continue,
    heed,
    ignore,
)
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.engine.auto.crowding import threads_set
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.out_of_memory import memory_errors_explained
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.statistics.frame import FrameStatistics, frame_statistics
from napari_unet.segment.tiles.decode import PendingTile, decode
from napari_unet.segment.tiles.instance_sample import sample_windows
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.queue import Focus, GetFocus, TileQueue
from napari_unet.segment.tiles.reader import Reader
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.tiles.tiling import Tile
from napari_unet.segment.tiles.window import NetworkInput, window_of
from napari_unet.segment.tiles.work import work_of


def stream(
    model: Model,
    job: SegmentJob,
    *,
    focus: Focus | GetFocus | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
    engine: Engine | None = None,
) -> Iterator[TileResult]:
    """Run `model` over the job's frames, tile by tile.

    Labels equal those of the whole frame in one piece; with a measured halo, all but about one in
    ten thousand. A `focus` that can be called is called before each tile, and what is left comes in
    its order. If memory is not enough for a tile, it and the rest come in smaller ones, or from
    another engine if there is one, and a note of the progress says so. STOP ends the stream early.

    Raises `Cancelled` on CANCEL, `ScanError` for a frame of which more than half is not finite, and
    `NotEnoughMemoryError` if memory is not enough for the smallest tile either.
    """
    engine = engine or make_engine(model, job.settings, work_of(job))
    run = _Run(engine, job, focus if callable(focus) else lambda: focus, control)
    clock = Clock()
    on_progress(Progress(0, run.total, note=run.note))
    with closing(run.reader), memory_errors_explained(engine.device):
        try:
            for result in run.results():
                left_s = clock.seconds_left(result.done, run.total)
                on_progress(Progress(result.done, run.total, seconds_left=left_s, note=run.note))
                yield result
        except Stopped:
            return


@dataclass(frozen=True)
class _StartedTile:
    """A tile that is being computed, with what its result will say."""

    frame: Index
    tile: Tile
    statistics: FrameStatistics
    number: int
    engine: str
    engine_note: str
    engine_reason: str
    pending: PendingTile

    def result(self, total: int) -> TileResult:
        """The finished tile, as soon as it is there, of so many in all."""
        done = self.pending.wait()
        tile = self.tile
        return TileResult(
            frame=self.frame,
            region=tile.write,
            labels=done.labels,
            probabilities=done.probabilities,
            statistics=self.statistics,
            # those of a provisional tile are counted when the larger one comes
            nonfinite=0 if tile.provisional else done.nonfinite,
            done=self.number,
            total=total,
            provisional=tile.provisional,
            engine=self.engine,
            engine_note=self.engine_note,
            engine_reason=self.engine_reason,
        )


class _Run:
    """One job on one engine: what is left of it, and how a tile is computed."""

    def __init__(
        self, engine: Engine, job: SegmentJob, get_focus: GetFocus, control: GetControl
    ) -> None:
        self._engine = engine
        self._job = job
        self._control = control
        self._lattice, core_px = lattice_of(job, engine.kind, free_bytes(engine.device))
        self._queue = TileQueue(job, self._lattice, core_px, get_focus)
        self._statistics = dict(job.statistics)
        self._coming_statistics: dict[Index, Future[FrameStatistics]] = {}
        self._engine_fixed_for: Index | None = None  # see `_fix_statistics`
        self._memory_note = ""
        self.reader = Reader(job.scan)

    @property
    def note(self) -> str:
        """What the user should know of the engine, and of tiles that had to be smaller."""
        return f"{self._engine.note} {self._memory_note}".strip()

    @property
    def total(self) -> int:
        """How many tiles there are, done or not."""
        return self._queue.total

    def results(self) -> Iterator[TileResult]:
        """Every tile of every frame in order; raises `Stopped` on STOP.

        A card is given the next tile before the one before is waited for, so that it computes while
        that is written. On other devices a tile is there at once, and none is held back.
        """
        before: _StartedTile | None = None
        try:
            while (upcoming := self._queue.next_tile()) is not None:
                heed(self._control)
                started = self._start_if_memory_allows(*upcoming, before is not None)
                if before is not None:
                    yield before.result(self.total)
                elif started is None:
                    self._save_memory()
                before = started
                if before is not None and before.pending.arrived:
                    yield before.result(self.total)
                    before = None
        except Cancelled:
            raise
        except Exception:  # what is finished is delivered, whatever happened to the next tile
            if before is not None:
                yield before.result(self.total)
            raise
        if before is not None:
            yield before.result(self.total)

    def _start_if_memory_allows(
        self, frame: Index, tile: Tile, another: bool
    ) -> _StartedTile | None:
        """Start a tile. None if memory was not enough, but may be when `another` tile has left the
        device, for smaller tiles, or on another engine.
        """
        statistics = self._statistics_of(frame)
        self._fix_statistics(frame, statistics)
        try:
            with memory_errors_explained(self._engine.device), threads_set(self._engine.threads):
                started = self._start(frame, tile, statistics)
        except NotEnoughMemoryError:
            if not (another or self._queue.can_split() or self._engine.fall_back()):
                raise
        else:
            self._queue.remove_next()
            return started
        # not inside `except`: until it is left, the error holds on to what was in memory
        return None

    def _save_memory(self) -> None:
        """Continue with smaller tiles; where there are none, another engine runs by now, and the
        tiles are those of the plan again.
        """
        if self._queue.can_split():
            self._queue.split()
            sides = " × ".join(map(str, self._queue.core_px))
            self._memory_note = (
                f"Memory did not suffice: continuing with smaller tiles, of {sides} pixels."
            )
        else:
            self._queue.merge()
            self._memory_note = ""

    def _statistics_of(self, frame: Index) -> FrameStatistics:
        """A frame's statistics, computed once; mostly while the last tile was computed."""
        if frame not in self._statistics:
            coming = self._coming_statistics.pop(frame, None) or self._request_statistics(frame)
            self._statistics[frame] = coming.result()
        return self._statistics[frame]

    def _request_statistics(self, frame: Index) -> "Future[FrameStatistics]":
        """Let the thread that reads the scan compute a frame's statistics."""
        job = self._job
        how = job.spec.normalization
        compute = partial(frame_statistics, job.scan, job.dimensions, frame, how, self._control)
        return self.reader.submit(partial(compute, empty_borders=job.settings.empty_borders))

    def _fix_statistics(self, frame: Index, statistics: FrameStatistics) -> None:
        """Give a network that normalises by instance its statistics of a frame, from a sample."""
        if self._job.spec.architecture.norm != "instance" or frame == self._engine_fixed_for:
            return
        windows = []
        for window in sample_windows(self._job.spec.architecture, self._lattice):
            heed(self._control)
            windows.append(self._input(frame, window, statistics).values)
        self._engine.fix_statistics(torch.stack(windows), self._control)
        self._engine_fixed_for = frame

    def _start(self, frame: Index, tile: Tile, statistics: FrameStatistics) -> _StartedTile:
        """Read, normalise, resample, run, crop, resample back, decide; the next tile is read in the
        meantime.
        """
        network_input = self._input(frame, tile.window, statistics)
        self._prefetch()
        probabilities = self._engine.run(network_input.values, self._control)
        excluded = network_input.excluded_in(tile.write)
        pending = decode(self._job, probabilities, tile, self._lattice, excluded)
        return _StartedTile(
            frame=frame,
            tile=tile,
            statistics=statistics,
            number=self._queue.done + 1,
            engine=self._engine.name,
            engine_note=self._engine.note,
            engine_reason=self._engine.reason,
            pending=pending,
        )

    def _input(self, frame: Index, window: Slices, statistics: FrameStatistics) -> NetworkInput:
        """Read a window, given in model voxels, and make the network's input of it."""
        wanted = window_of(window, self._lattice)
        part = self.reader.read(frame, wanted.read)
        return wanted.build(part, statistics, self._engine.device)

    def _prefetch(self) -> None:
        """Begin to read the tile that is next unless the user looks elsewhere, and the statistics
        of its frame if it is the first of that.
        """
        if (following := self._queue.following_tile()) is None:
            return
        frame, tile = following
        if frame not in self._statistics and frame not in self._coming_statistics:
            self._coming_statistics[frame] = self._request_statistics(frame)
        self.reader.prefetch(frame, window_of(tile.window, self._lattice).read)
