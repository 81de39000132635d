"""Where the tiles of `segment` are computed: in this process, or at the workers of a cluster."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from napari_unet.cli.outcome import tell
from napari_unet.cli.output_paths import Plan
from napari_unet.cli.scheduler import order_of
from napari_unet.cli.segment_result import Result
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes
from napari_unet.progress import OnProgress
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.protocol import Engine, EngineFacts, KnownEngine
from napari_unet.segment.engine.timed_engine import timed
from napari_unet.segment.estimate import estimate
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.probe import with_seconds
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.totals import EnginesUsed, RunTotals

if TYPE_CHECKING:
    from napari_unet.segment.cluster.workers import Crew


class Place(Protocol):
    """Computes the tiles of one image after the other; `engines` are those that have made some."""

    engines: EnginesUsed

    @property
    def engine_now(self) -> EngineFacts | None:
        """What runs the network there at this moment; None before the first image wanted one."""

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job as it is done there, and what will run it."""

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Compute what is missing in a run."""


class Here:
    """This process."""

    def __init__(self, model: Model, settings: SegmentSettings) -> None:
        self._model = model
        self._settings = settings
        self.engines = EnginesUsed()

    @property
    def engine_now(self) -> EngineFacts | None:
        """The engine, once it is made."""
        return self._engine if "_engine" in vars(self) else None

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job as it is; the engine is made for the first."""
        return job, self._engine

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Say what it will take, and stream the tiles."""
        with timed(self._engine, run.job.spec.architecture) as engine:
            self._announce(run.job, engine, result)
            for tile in stream(self._model, run.job, on_progress=on_progress, engine=engine):
                run.take(tile)
                self.engines.take(tile)

    @cached_property
    def _engine(self) -> Engine:
        return make_engine(self._model, self._settings)

    def _announce(self, job: SegmentJob, engine: Engine, result: Result) -> None:
        """Say what it will take, where one will wait for it."""
        found = with_seconds(
            estimate(job, engine.kind, engine.device, free_bytes(engine.device)), engine, job.spec
        )
        result.memory_bytes = found.memory_bytes
        result.seconds_estimated = None if found.seconds is None else round(found.seconds, 3)
        if found.long:
            result.tell(f"{found.told}.")


class There:
    """The workers of a cluster, who read images with these axes and this voxel size."""

    def __init__(self, crew: "Crew", axes: str | None, spacing: Sequence[float] | None) -> None:
        self._crew = crew
        self._axes = axes
        self._spacing = spacing
        self.engines = EnginesUsed()
        self.engine_now: KnownEngine | None = None

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job in tiles that fit at a worker, and what runs there; waits for one to join."""
        if not self._crew.hosts:
            tell("No worker has joined yet; waiting for one.")
        found = self._crew.survey(order_of(plan, self._axes, self._spacing))
        self.engine_now = found.engine
        return replace(job, core_px=found.core_px), found.engine

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Have the workers compute it."""
        if not isinstance(run, ResumableRun):
            raise TypeError("Workers fill only runs that others can go on with.")
        self._crew.compute(order_of(plan, self._axes, self._spacing), run, on_progress)
        for name in run.engines.names:
            self.engines.add(name)
