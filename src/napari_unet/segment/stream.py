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
from napari_unet.segment.tiling import Lattice, Tile, TilePlan, plan_tiles, window_voxels


@dataclass(frozen=True)
class Focus:
    """Where the user looks: a frame, and a point in its voxels."""

    frame: Index
    point: tuple[float, ...]


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
    focus: Focus | None = None,
    on_progress: OnProgress = ignore,
    asked: Asked = go,
    engine: Engine | None = None,
) -> Iterator[TileResult]:
    """Run `model` over the job's frames, tile by tile.

    Labels equal those of the whole frame in one piece. Where memory does not suffice for a tile, it and the rest come in
    smaller ones, which the progress notes. STOP ends the stream early; CANCEL raises `Cancelled`; `ScanError` is raised for
    a frame of which more than half is not finite.
    """
    engine = engine or make_engine(model, job.settings)
    run = _Run(engine, job, focus, asked)
    clock = Clock()
    on_progress(Progress(0, run.total, note=run.note))
    try:
        for result in run.results():
            on_progress(Progress(result.done, run.total, seconds_left=clock.seconds_left(result.done, run.total), note=run.note))
            yield result
    except Stopped:
        return


class _Run:
    """One job on one engine: the plan of its frames, and how a tile is made."""

    def __init__(self, engine: Engine, job: SegmentJob, focus: Focus | None, asked: Asked) -> None:
        self._engine, self._job, self._asked = engine, job, asked
        self._frames = _ordered(job.frames, focus)
        self._lattice, self._core_px = _lattice(job, engine.kind)
        self._point = None if focus is None else focus.point
        self._plan = self._planned(job.region, self._core_px)
        self._waiting = list(plan_tiles(self._lattice, job.region, self._core_px, self._point, small_first=True).tiles)
        self.total = len(self._waiting) + len(self._plan.tiles) * (len(self._frames) - 1)
        self.note = engine.note

    def results(self) -> Iterator[TileResult]:
        """Every tile of every frame in order; raises `Stopped` on STOP."""
        done = 0
        for number, frame in enumerate(self._frames):
            self._waiting = self._waiting if number == 0 else list(self._plan.tiles)
            statistics = frame_statistics(self._job.scan, self._job.dimensions, frame, self._job.spec.normalization, self._asked)
            while self._waiting:
                heed(self._asked)
                if (result := self._attempt(frame, statistics, done + 1)) is None:
                    self._plan_smaller()
                    self.total = done + len(self._waiting) + len(self._plan.tiles) * (len(self._frames) - 1 - number)
                    continue
                del self._waiting[0]
                done += 1
                yield result

    def _attempt(self, frame: Index, statistics: FrameStatistics, done: int) -> TileResult | None:
        """The next tile; None where memory did not suffice, but may for a smaller one."""
        try:
            return self.result(frame, self._waiting[0], statistics, done)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or self._smaller_core() is None:
                raise
        return None  # only here has the error let go of what was in memory

    def _smaller_core(self) -> tuple[int, ...] | None:
        """The core halved until its windows are smaller; None where they are as small as can be."""
        core, strides = self._core_px, self._lattice.strides
        while core != strides:
            core = tuple(max(stride, side // 2 // stride * stride) for side, stride in zip(core, strides, strict=True))
            if window_voxels(self._planned(self._job.region, core)) < window_voxels(self._plan):
                return core
        return None

    def _plan_smaller(self) -> None:
        """Part what is left of the frame, and the frames to come, into smaller tiles; what is finished stays."""
        self._core_px = self._smaller_core() or self._core_px
        self._plan = self._planned(self._job.region, self._core_px)
        left = [tile for tile in self._waiting if not tile.provisional]
        self._waiting = [small for tile in left for small in self._planned(tile.write, self._core_px).tiles]
        smaller = f"Memory did not suffice: going on with smaller tiles, of {_sides(self._core_px)} pixels."
        self.note = f"{self._engine.note} {smaller}".strip()

    def _planned(self, region: Slices, core_px: tuple[int, ...]) -> TilePlan:
        return plan_tiles(self._lattice, region, core_px, self._point)

    def result(self, frame: Index, tile: Tile, statistics: FrameStatistics, done: int) -> TileResult:
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
        return TileResult(frame, tile.write, labels, kept, statistics, nonfinite, done, self.total, tile.provisional)

    def _window(self, frame: Index, tile: Tile, statistics: FrameStatistics) -> tuple[np.ndarray, "_Bad | None"]:
        """The normalised window (C, *window) on the model's grid, mirrored beyond the frame's end."""
        maps = self._plan.maps
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
        for axis, (axis_map, write) in enumerate(zip(self._plan.maps, tile.write, strict=True), start=1):
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


def _lattice(job: SegmentJob, kind: Kind) -> tuple[Lattice, tuple[int, ...]]:
    """The lattice of a job's frames, and how large a core may be."""
    config, dims = job.spec.architecture, job.dimensions
    wanted = wanted_spacing(job.spec, job.scan, job.settings)
    maps = axis_maps(job.scan.frame_shape(dims), job.scan.frame_spacing(dims), wanted)
    lattice = Lattice(maps, total_strides(config), exact_halo(config))
    return lattice, core_shape(config, lattice, ram_available_bytes(), job.settings.tile_px, kind)


def _ordered(frames: tuple[Index, ...], focus: Focus | None) -> list[Index]:
    """Frames in order of closeness to the one that is looked at."""
    if focus is None:
        return list(frames)
    return sorted(frames, key=lambda frame: sum(abs(a - b) for a, b in zip(frame, focus.frame, strict=True)))


def _sides(core_px: tuple[int, ...]) -> str:
    return " × ".join(map(str, core_px))
