"""Where the tiles of `segment` are computed: in this process, or at the workers of a cluster."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import tell
from napari_unet.cli.segment.output_paths import Plan
from napari_unet.cli.segment.result import Result
from napari_unet.cli.segment.scheduler import image_task
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes
from napari_unet.progress import OnProgress
from napari_unet.scans.formats.registry import is_resumable
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.protocol import Engine, EngineFacts, EngineSnapshot
from napari_unet.segment.engine.timed_engine import timed
from napari_unet.segment.estimate import estimate
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.probe import with_seconds
from napari_unet.segment.resumable.identity import begun_engine
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.work import work_of
from napari_unet.segment.totals import EnginesUsed, RunTotals

if TYPE_CHECKING:
    from napari_unet.segment.cluster.workers import Workers


class Backend(Protocol):
    """Computes the tiles of one image after the other; `engines` are those that have run."""

    engines: EnginesUsed

    @property
    def engine_now(self) -> EngineFacts | None:
        """The engine that runs at this moment; None as long as no image has needed one."""

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job as this backend does it, and the engine that will run it."""

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Compute the missing tiles of a run."""


class LocalBackend:
    """Computes in this process."""

    def __init__(self, model: Model, settings: SegmentSettings, images: int = 1) -> None:
        """`images` is how many there will be."""
        self._model = model
        self._settings = settings
        self._images = images
        self._engine: Engine | None = None
        self._engine_at_start = ""
        self.engines = EnginesUsed()

    @property
    def engine_now(self) -> EngineFacts | None:
        """The engine, once it is made."""
        return self._engine

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job as it is; the engine is made for the first image, and for one whose run was
        begun with another.
        """
        begun = begun_engine(plan.labels) if is_resumable(plan.labels) else ""
        if self._engine is None or begun not in ("", self._engine_at_start):
            work = work_of(job, self._images)
            self._engine = make_engine(self._model, self._settings, work, begun)
            self._engine_at_start = self._engine.name
        return job, self._engine

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Say how long it will take, and stream the tiles."""
        assert self._engine is not None  # `prepared` has made it
        with timed(self._engine, run.job.spec.architecture) as engine:
            self._announce(run.job, engine, result)
            for tile in stream(self._model, run.job, on_progress=on_progress, engine=engine):
                run.take(tile)
                self.engines.take(tile)

    def _announce(self, job: SegmentJob, engine: Engine, result: Result) -> None:
        """Note memory and time in the result, and say them where the user will wait."""
        planned = estimate(job, engine.kind, engine.device, free_bytes(engine.device))
        found = with_seconds(planned, engine, job.spec)
        result.memory_bytes = found.memory_bytes
        result.seconds_estimated = None if found.seconds is None else round(found.seconds, 3)
        if found.long:
            result.tell(f"{found.text}.")


class ClusterBackend:
    """Has the workers of a cluster compute, who read images as the arguments say."""

    def __init__(
        self, workers: "Workers", arguments: SegmentArguments, spacing: Sequence[float] | None
    ) -> None:
        self._workers = workers
        self._arguments = arguments
        self._spacing = spacing
        self.engines = EnginesUsed()
        self.engine_now: EngineSnapshot | None = None

    def prepared(self, plan: Plan, job: SegmentJob) -> tuple[SegmentJob, EngineFacts]:
        """The job in tiles that fit a worker's memory, and its engine; waits for one to join."""
        if not self._workers.hosts:
            tell("No worker has joined yet; waiting for one.")
        found = self._workers.describe(image_task(plan, self._arguments, self._spacing))
        self.engine_now = found.engine
        return replace(job, core_px=found.core_px), found.engine

    def fill(self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress) -> None:
        """Have the workers compute it."""
        if not isinstance(run, ResumableRun):
            raise TypeError("Workers compute only runs into zarr files.")
        self._workers.compute(image_task(plan, self._arguments, self._spacing), run, on_progress)
        for name in run.engines.names:
            self.engines.add(name)
