"""Finished tiles one after the other, nearest to what the user looks at first."""

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
from napari_unet.scans.scan import Index
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.out_of_memory import memory_errors_explained
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.statistics import FrameStatistics, frame_statistics
from napari_unet.segment.tiles.decode import PendingTile, decode
from napari_unet.segment.tiles.instance_sample import sample_windows
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.queue import Focus, Look, Waiting
from napari_unet.segment.tiles.reader import Reader
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.tiles.tiling import Tile
from napari_unet.segment.tiles.window import window_of


def stream(
    model: Model,
    job: SegmentJob,
    *,
    focus: Focus | Look | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
    engine: Engine | None = None,
) -> Iterator[TileResult]:
    """Run `model` over the job's frames, tile by tile.

    Labels equal those of the whole frame in one piece; with a measured halo, all but about one of
    ten thousand. A `focus` that can be called is asked before each tile, and what is left comes in
    its order. Where memory does not suffice for a tile, it and the rest come in smaller ones, or
    from another engine if there is one, which the progress notes. STOP ends the stream early;
    CANCEL raises `Cancelled`; `ScanError` is raised for a frame of which more than half is not
    finite, `NotEnoughMemoryError` where memory is not enough for the smallest tile either.
    """
    engine = engine or make_engine(model, job.settings)
    run = _Run(engine, job, focus if callable(focus) else lambda: focus, control)
    clock = Clock()
    on_progress(Progress(0, run.total, note=run.note))
    with closing(run.reader), memory_errors_explained(engine.device):
        try:
            for result in run.results():
                on_progress(
                    Progress(
                        result.done,
                        run.total,
                        seconds_left=clock.seconds_left(result.done, run.total),
                        note=run.note,
                    )
                )
                yield result
        except Stopped:
            return


@dataclass(frozen=True)
class _Begun:
    """A tile that is being computed, and what is known of it."""

    frame: Index
    tile: Tile
    statistics: FrameStatistics
    number: int
    engine: str
    engine_note: str
    pending: PendingTile


class _Run:
    """One job on one engine: what is left of it, and how a tile is made."""

    def __init__(self, engine: Engine, job: SegmentJob, look: Look, control: GetControl) -> None:
        self._engine = engine
        self._job = job
        self._control = control
        self._lattice, core_px = lattice_of(job, engine.kind, free_bytes(engine.device))
        self._waiting = Waiting(job, self._lattice, core_px, look)
        self._statistics = dict(job.statistics)
        self._smaller = ""
        self._coming: dict[Index, Future[FrameStatistics]] = {}
        self._fixed_for: Index | None = None
        self.reader = Reader(job.scan)

    @property
    def note(self) -> str:
        """What the user should know of the engine, and of tiles that had to be smaller."""
        return f"{self._engine.note} {self._smaller}".strip()

    @property
    def total(self) -> int:
        """How many tiles there are, done or not."""
        return self._waiting.total

    def results(self) -> Iterator[TileResult]:
        """Every tile of every frame in order; raises `Stopped` on STOP.

        A card gets the next tile before the last one is waited for, so that it computes while tiles
        are written.
        """
        before: _Begun | None = None
        try:
            while (nearest := self._waiting.nearest()) is not None:
                heed(self._control)
                begun = self._attempt(*nearest, before is not None)
                if before is not None:
                    yield self._ended(before)
                elif begun is None:
                    self._make_do()
                before = begun
                if before is not None and before.pending.here:
                    yield self._ended(before)
                    before = None
        except Cancelled:
            raise
        except Exception:  # what is finished stays, whatever the next one meets
            if before is not None:
                yield self._ended(before)
            raise
        if before is not None:
            yield self._ended(before)

    def _attempt(self, frame: Index, tile: Tile, another: bool) -> _Begun | None:
        """A tile; None where memory did not suffice, but may when another has left it, for a
        smaller tile, or for another engine.
        """
        statistics = self._statistics_of(frame)
        self._fix(frame, statistics)
        try:
            with memory_errors_explained(self._engine.device):
                begun = self._begun(frame, tile, statistics)
        except NotEnoughMemoryError:
            if not (another or self._waiting.can_part() or self._engine.fall_back()):
                raise
        else:
            self._waiting.finish()
            return begun
        return None  # only here has the error let go of what was in memory

    def _make_do(self) -> None:
        """After memory did not suffice: smaller tiles, or those of the plan again where there are
        none and another engine runs.
        """
        if self._waiting.can_part():
            self._waiting.part()
            self._smaller = f"Memory did not suffice: going on with smaller tiles, of {_sides(self._waiting.core_px)} pixels."
        else:
            self._waiting.join()
            self._smaller = ""

    def _statistics_of(self, frame: Index) -> FrameStatistics:
        """A frame's statistics, taken once; most often they were taken while the last tile was
        computed.
        """
        if frame not in self._statistics:
            coming = self._coming.pop(frame, None) or self.reader.do(
                partial(self._take_statistics, frame)
            )
            self._statistics[frame] = coming.result()
        return self._statistics[frame]

    def _take_statistics(self, frame: Index) -> FrameStatistics:
        job = self._job
        return frame_statistics(
            job.scan,
            job.dimensions,
            frame,
            job.spec.normalization,
            self._control,
            empty_borders=job.settings.empty_borders,
        )

    def _fix(self, frame: Index, statistics: FrameStatistics) -> None:
        """Give a network that normalises by instance the statistics of a frame, by a sample of it."""
        if self._job.spec.architecture.norm != "instance" or frame == self._fixed_for:
            return
        windows = []
        for window in sample_windows(self._job.spec.architecture, self._lattice):
            heed(self._control)
            part = window_of(window, self._lattice)
            windows.append(
                part.made_of(
                    self.reader.read(frame, part.read), statistics, self._engine.device
                ).values
            )
        self._engine.fix_statistics(torch.stack(windows), self._control)
        self._fixed_for = frame

    def _begun(self, frame: Index, tile: Tile, statistics: FrameStatistics) -> _Begun:
        """Read, normalise, resample, run, crop, resample back, decide; meanwhile the next tile is
        read.
        """
        window = window_of(tile.window, self._lattice)
        normalised = window.made_of(
            self.reader.read(frame, window.read), statistics, self._engine.device
        )
        self._ask_for_next()
        probabilities = self._engine.run(normalised.values, self._control)
        excluded = normalised.excluded_in(tile.write)
        pending = decode(self._job, probabilities, tile, self._lattice, excluded)
        return _Begun(
            frame,
            tile,
            statistics,
            self._waiting.done + 1,
            self._engine.name,
            self._engine.note,
            pending,
        )

    def _ask_for_next(self) -> None:
        """Begin to read the tile that is next unless the user looks elsewhere, and the statistics
        of its frame if that is a new one.
        """
        if (following := self._waiting.following()) is None:
            return
        frame, tile = following
        if frame not in self._statistics and frame not in self._coming:
            self._coming[frame] = self.reader.do(partial(self._take_statistics, frame))
        self.reader.ask(frame, window_of(tile.window, self._lattice).read)

    def _ended(self, begun: _Begun) -> TileResult:
        """A tile, when it is there."""
        done = begun.pending.wait()
        tile = begun.tile
        return TileResult(
            frame=begun.frame,
            region=tile.write,
            labels=done.labels,
            probabilities=done.probabilities,
            statistics=begun.statistics,
            nonfinite=0 if tile.provisional else done.nonfinite,
            done=begun.number,
            total=self.total,
            provisional=tile.provisional,
            engine=begun.engine,
            engine_note=begun.engine_note,
        )


def _sides(core_px: tuple[int, ...]) -> str:
    return " × ".join(map(str, core_px))
