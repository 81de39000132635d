"""How `segment` does one image: it is read, planned, and filled into its files, whichever backend
computes the tiles.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import named, tell, unexpected
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.cli.segment.backend import Backend
from napari_unet.cli.segment.output_paths import Plan, check_not_an_image, check_resumable
from napari_unet.cli.segment.result import Result
from napari_unet.errors import (
    Cancelled,
    ClusterError,
    DeviceError,
    EngineError,
    NapariUNetError,
    OutputError,
    SettingsError,
    TorchUnavailableError,
    with_notes,
)
from napari_unet.model.model import Model
from napari_unet.progress import OnProgress
from napari_unet.scans.channels import pick_channels
from napari_unet.scans.formats.registry import is_resumable
from napari_unet.scans.read import read_scan
from napari_unet.segment.check import notes
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.identity import OtherEngineError
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import CompleteRun, complete_run, resumable_run
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import empty_sentence
from napari_unet.segment.totals import RunTotals
from napari_unet.segment.whole_file import file_run

# what is not of one image: the cluster is lost, or nothing can run
ENDS_ALL = (Cancelled, ClusterError, typer.Exit, typer.BadParameter)
ENDS_ALL_AT_FIRST = (DeviceError, EngineError, SettingsError, TorchUnavailableError)


@dataclass(frozen=True)
class Batch:
    """One model, the settings for all images, and what computes the tiles."""

    arguments: SegmentArguments
    settings: SegmentSettings
    spacing: Sequence[float] | None
    model: Model
    policy: ResumePolicy
    backend: Backend

    def attempt(self, plan: Plan, plans: list[Plan]) -> Result:
        """Segment one image; an error of this one is shown and noted in its result."""
        result = Result(
            str(plan.image),
            str(plan.labels),
            None if plan.probabilities is None else str(plan.probabilities),
        )
        result.part = self.arguments.part
        start = time.monotonic()
        try:
            check_not_an_image(plan, plans)
            self._segment(plan, result)
        except ENDS_ALL:
            raise
        except Exception as error:  # whatever it is, the images after this one may run
            if isinstance(error, ENDS_ALL_AT_FIRST) and self.backend.engine_now is None:
                raise
            ours = isinstance(error, NapariUNetError)
            result.error = with_notes(str(error) if ours else unexpected(error), error)
            tell(f"Error: {named(plan.image.name, result.error)}")
        result.seconds = round(time.monotonic() - start, 3)
        return result

    def _segment(self, plan: Plan, result: Result) -> None:
        result.note(plan.note)
        spec = self.model.spec
        dimensions = spec.architecture.dimensions
        channels = len(spec.channels)
        scan = read_scan(
            plan.image, self.arguments.axes, self.spacing, dimensions=dimensions, channels=channels
        )
        scan = pick_channels(scan, self.arguments.channel)
        job = plan_job(spec, scan, self.settings)
        result.axes = scan.result_axes
        result.shape = list(scan.result_shape)
        result.spacing = list(scan.spacing)
        result.unit = scan.unit
        for note in (*self.model.notes, *notes(spec, scan, self.settings)):
            result.note(note)
        self._fill(plan, job, result)
        for note in scan.warned.notes:  # of reads after the first one
            result.note(note)
        if (engine := self.backend.engine_now) is not None:  # another one may have taken over
            result.note(engine.note)
        if result.nonfinite:
            result.note(f"{result.nonfinite} voxels are NaN or infinite; they are background.")

    def _fill(self, plan: Plan, job: SegmentJob, result: Result) -> None:
        line = ProgressLine(plan.image.name)
        try:
            with ExitStack() as stack:
                run = self._entered(stack, plan, job, result, line.show)
                result.note(run.room_note)
                self._take_tiles(plan, run, result, line.show)
        finally:
            line.clear()
        if isinstance(run, CompleteRun) and self.policy.part is not None:
            result.part = None
            result.note("All parts are complete already; the numbers are those of the whole.")
        result.tiles = run.tiles
        result.tiles_skipped = run.skipped
        result.resumed = run.skipped > 0
        result.nonfinite = run.nonfinite
        if empty := empty_sentence(run.statistics):
            result.note(f"{empty} --no-empty-borders makes it part of the image.")
        result.engine = run.engines.joined or None
        result.engine_reason = run.engines.reason or None
        result.summary = job.task.summary(run.counted)
        if run.problem:
            raise OutputError(run.problem)

    def _entered(
        self,
        stack: ExitStack,
        plan: Plan,
        job: SegmentJob,
        result: Result,
        on_progress: OnProgress,
    ) -> RunTotals:
        """Open the run; once more, if another part has begun it meanwhile with another engine,
        which is then taken here too.
        """
        try:
            return stack.enter_context(self._opened(plan, job, result, on_progress))
        except OtherEngineError:
            return stack.enter_context(self._opened(plan, job, result, on_progress))

    def _take_tiles(
        self, plan: Plan, run: RunTotals, result: Result, on_progress: OnProgress
    ) -> None:
        try:
            if not run.complete:
                self.backend.fill(plan, run, result, on_progress)
        except BaseException as error:
            if run.resume_hint:
                error.add_note(run.resume_hint)
            raise

    def _opened(
        self, plan: Plan, job: SegmentJob, result: Result, on_progress: OnProgress
    ) -> AbstractContextManager[RunTotals]:
        """The run that takes the tiles: one that can be continued, where all formats allow it."""
        outputs = Outputs(plan.labels, plan.probabilities)
        policy = self.policy
        if policy.resume or policy.part is not None or policy.merge:
            check_resumable(plan, "--resume" if policy.resume else "--part")
        if not all(is_resumable(path) for path in plan.outputs):
            job, engine = self._prepared(plan, job, result)
            return file_run(self.model, job, outputs, engine, policy.overwrite, on_progress)
        if (complete := complete_run(self.model, job, outputs, policy)) is not None:
            return nullcontext(complete)
        if policy.merge:
            return resumable_run(self.model, job, outputs, policy, None, on_progress)
        job, engine = self._prepared(plan, job, result)
        return resumable_run(self.model, job, outputs, policy, engine, on_progress)

    def _prepared(
        self, plan: Plan, job: SegmentJob, result: Result
    ) -> tuple[SegmentJob, EngineFacts]:
        """The job and its engine, whose note goes into the result."""
        job, engine = self.backend.prepared(plan, job)
        result.note(engine.note)
        return job, engine
