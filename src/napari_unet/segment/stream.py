"""Finished tiles one after the other, nearest to what the user looks at first."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_unet.devices import ram_available_bytes
from napari_unet.model.geometry import exact_halo, reflected, total_strides
from napari_unet.model.model import Model
from napari_unet.progress import Asked, Clock, OnProgress, Progress, Stopped, go, heed, ignore
from napari_unet.scans.resample import axis_maps
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.engine import Engine, make_engine
from napari_unet.segment.installed import Kind
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.memory import core_shape
from napari_unet.segment.normalize import FrameStatistics, frame_statistics, normalize
from napari_unet.segment.out_of_memory import out_of_memory
from napari_unet.segment.semantic import decide
from napari_unet.segment.tiling import Lattice, Tile
from napari_unet.segment.waiting import Focus, Look, Waiting


@dataclass(frozen=True)
class TileResult:
    """A finished tile: where it belongs, its labels, and its probabilities (K or 1, *region) where they are kept.

    A `provisional` tile is covered by a larger one that comes later and says the same.
    """

    frame: Index
    region: Slices
    labels: np.ndarray
    probabilities: np.ndarray | None
    statistics: FrameStatistics
    nonfinite: int
    done: int
    total: int
    provisional: bool = False


def stream(
    model: Model,
    job: SegmentJob,
    *,
    focus: Focus | Look | None = None,
    on_progress: OnProgress = ignore,
    asked: Asked = go,
    engine: Engine | None = None,
) -> Iterator[TileResult]:
    """Run `model` over the job's frames, tile by tile.

    Labels equal those of the whole frame in one piece. A `focus` that can be called is asked before each tile, and what is
    left comes in its order. Where memory does not suffice for a tile, it and the rest come in smaller ones, which the
    progress notes. STOP ends the stream early; CANCEL raises `Cancelled`; `ScanError` is raised for a frame of which more
    than half is not finite.
    """
    engine = engine or make_engine(model, job.settings)
    run = _Run(engine, job, focus if callable(focus) else lambda: focus, asked)
    clock = Clock()
    on_progress(Progress(0, run.total, note=run.note))
    try:
        for result in run.results():
            on_progress(Progress(result.done, run.total, seconds_left=clock.seconds_left(result.done, run.total), note=run.note))
            yield result
    except Stopped:
        return


class _Run:
    """One job on one engine: what is left of it, and how a tile is made."""

    def __init__(self, engine: Engine, job: SegmentJob, look: Look, asked: Asked) -> None:
        self._engine, self._job, self._asked = engine, job, asked
        self._lattice, core_px = lattice_of(job, engine.kind)
        self._waiting = Waiting(job, self._lattice, core_px, look)
        self._statistics = dict(job.statistics)
        self.note = engine.note

    @property
    def total(self) -> int:
        """How many tiles there are, done or not."""
        return self._waiting.total

    def results(self) -> Iterator[TileResult]:
        """Every tile of every frame in order; raises `Stopped` on STOP."""
        while (nearest := self._waiting.nearest()) is not None:
            heed(self._asked)
            if (result := self._attempt(*nearest)) is None:
                self._waiting.part()
                smaller = f"Memory did not suffice: going on with smaller tiles, of {_sides(self._waiting.core_px)} pixels."
                self.note = f"{self._engine.note} {smaller}".strip()
                continue
            self._waiting.finish()
            yield result

    def _attempt(self, frame: Index, tile: Tile) -> TileResult | None:
        """A tile; None where memory did not suffice, but may for a smaller one."""
        statistics = self._statistics_of(frame)
        try:
            return self.result(frame, tile, statistics)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or not self._waiting.can_part():
                raise
        return None  # only here has the error let go of what was in memory

    def _statistics_of(self, frame: Index) -> FrameStatistics:
        """A frame's statistics, taken once."""
        if frame not in self._statistics:
            job = self._job
            self._statistics[frame] = frame_statistics(job.scan, job.dimensions, frame, job.spec.normalization, self._asked)
        return self._statistics[frame]

    def result(self, frame: Index, tile: Tile, statistics: FrameStatistics) -> TileResult:
        """Read, resample, run, crop, resample back, decide."""
        window, bad = self._window(frame, tile, statistics)
        probabilities = self._on_scan_grid(self._engine.run(window, self._asked), tile)
        labels = decide(probabilities, self._job.threshold)
        inside = bad.inside(tile.write) if bad is not None else None
        if inside is not None:
            labels[inside] = 0
            probabilities[:, inside] = 0.0
            if len(probabilities) > 1:
                probabilities[0, inside] = 1.0
        kept = probabilities if self._job.settings.keep_probabilities else None
        nonfinite = 0 if inside is None or tile.provisional else int(inside.sum())
        return TileResult(frame, tile.write, labels, kept, statistics, nonfinite, self._waiting.done + 1, self.total, tile.provisional)

    def _window(self, frame: Index, tile: Tile, statistics: FrameStatistics) -> tuple[np.ndarray, "_Bad | None"]:
        """The normalised window (C, *window) on the model's grid, mirrored beyond the frame's end."""
        maps = self._lattice.maps
        index = [reflected(part.start, part.stop, m.model_length) for part, m in zip(tile.window, maps, strict=True)]
        weights = [m.to_model(min(i), max(i) + 1) for i, m in zip(index, maps, strict=True)]
        read = tuple(slice(w.first, w.last) for w in weights)
        part, bad = normalize(self._job.scan.read(frame, read), statistics)
        for axis, (weight, picked) in enumerate(zip(weights, index, strict=True), start=1):
            part = weight.apply(part, axis)
            part = np.take(part, np.asarray(picked) - min(picked), axis)
        return np.ascontiguousarray(part, np.float32), None if bad is None else _Bad(read, bad)

    def _on_scan_grid(self, probabilities: np.ndarray, tile: Tile) -> np.ndarray:
        """Crop the window (K, *window) to its core and bring it to the part of the scan to be written."""
        crop = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(tile.core, tile.window, strict=True))
        part = probabilities[(slice(None), *crop)]
        for axis, (axis_map, write) in enumerate(zip(self._lattice.maps, tile.write, strict=True), start=1):
            part = axis_map.to_scan(write.start, write.stop).apply(part, axis)
        return np.ascontiguousarray(part)


@dataclass(frozen=True)
class _Bad:
    """Voxels of a part that was read which are not finite."""

    read: Slices
    mask: np.ndarray

    def inside(self, write: Slices) -> np.ndarray:
        """The same for the part that is written, which lies within what was read."""
        return self.mask[tuple(slice(w.start - r.start, w.stop - r.start) for w, r in zip(write, self.read, strict=True))]


def lattice_of(job: SegmentJob, kind: Kind = "torch", sharing: int = 1) -> tuple[Lattice, tuple[int, ...]]:
    """The lattice of a job's frames, and how large a core may be with an engine of that kind, where so many share the memory."""
    config, dims = job.spec.architecture, job.dimensions
    wanted = wanted_spacing(job.spec, job.scan, job.settings)
    maps = axis_maps(job.scan.frame_shape(dims), job.scan.frame_spacing(dims), wanted)
    lattice = Lattice(maps, total_strides(config), exact_halo(config))
    return lattice, job.core_px or core_shape(config, lattice, ram_available_bytes() // sharing, job.settings.tile_px, kind)


def _sides(core_px: tuple[int, ...]) -> str:
    return " × ".join(map(str, core_px))
