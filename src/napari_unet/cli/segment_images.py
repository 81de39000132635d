"""What `segment` does: one image after the other, tile by tile into its file."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import Outcome, tell, unexpected, with_notes
from napari_unet.cli.output_paths import Plan, check_not_an_image, check_zarr, is_zarr_name, plan_outputs
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.cli.scheduler import order_of, scheduler_of
from napari_unet.cli.spacing import parse_spacing
from napari_unet.errors import EngineError, OutputError, ScanError, SettingsError
from napari_unet.model.library import load_model
from napari_unet.model.model import Model
from napari_unet.scans.read import read_scan
from napari_unet.segment.check import notes
from napari_unet.segment.cluster.hire import hire
from napari_unet.segment.cluster.order import Survey
from napari_unet.segment.engine import Engine, EngineFacts, make_engine
from napari_unet.segment.file_run import file_run
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.kept_run import kept_run
from napari_unet.segment.kept_tiles import KeptRun
from napari_unet.segment.part import Keeping, parse_part
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.sink import Outputs
from napari_unet.segment.stream import stream
from napari_unet.segment.tally import Tally

if TYPE_CHECKING:
    from napari_unet.segment.cluster.dask_crew import Crew

MERGE = "merge"


@dataclass
class Result:
    """What became of one image, as --json tells it."""

    image: str
    output: str
    probabilities: str | None = None
    axes: str = ""
    shape: list[int] = field(default_factory=list)
    spacing: list[float] = field(default_factory=list)
    unit: str = ""
    voxels: dict[str, int] = field(default_factory=dict)
    nonfinite: int = 0
    tiles: int = 0
    tiles_skipped: int = 0
    resumed: bool = False
    part: str | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def segment_images(arguments: SegmentArguments, settings: SegmentSettings) -> Outcome:
    """Segment every image; one that can not be read or written is told, and the others still run."""
    if arguments.probabilities is not None:
        settings = settings.model_copy(update={"keep_probabilities": True})
    keeping, plans = _keeping(arguments), plan_outputs(arguments, settings.keep_probabilities)
    spacing = parse_spacing(arguments.spacing)
    scheduler = scheduler_of(arguments, plans)
    model = load_model(arguments.model)
    with nullcontext() if scheduler is None else hire(scheduler, model, settings) as crew:
        batch = _Batch(arguments, settings, spacing, model, keeping, crew)
        results = [batch.attempt(plan, plans) for plan in plans]
    return _outcome(batch, results)


@dataclass(frozen=True)
class _Batch:
    """One model, and what is wanted of it; a crew computes where there is one."""

    arguments: SegmentArguments
    settings: SegmentSettings
    spacing: Sequence[float] | None
    model: Model
    keeping: Keeping
    crew: "Crew | None" = None

    @cached_property
    def engine(self) -> Engine:
        """What runs the network here; made when it is wanted first."""
        return make_engine(self.model, self.settings)

    @property
    def engine_name(self) -> str:
        """What ran the network, wherever that was."""
        return self.engine.name if self.crew is None else self.crew.engine_name

    def attempt(self, plan: Plan, plans: list[Plan]) -> Result:
        """Segment one image; what goes wrong with this one is told and kept in its result."""
        result = Result(str(plan.image), str(plan.labels), None if plan.probabilities is None else str(plan.probabilities))
        result.part = self.arguments.part
        start = time.monotonic()
        try:
            check_not_an_image(plan, plans)
            self._segment(plan, result)
        except (ScanError, OutputError) as error:
            result.error = with_notes(str(error), error)
            tell(f"Error: {result.error}" if plan.image.name in str(error) else f"Error: {plan.image.name}: {result.error}")
        except EngineError as error:
            if "engine" not in vars(self):  # it is not there, for any image
                raise
            result.error = with_notes(str(error), error)
            tell(f"Error: {plan.image.name}: {result.error}")
        except (RuntimeError, MemoryError) as error:  # torch: out of memory and the like; the images after this one may fit
            result.error = with_notes(unexpected(error), error)
            tell(f"Error: {plan.image.name}: {result.error}")
        result.seconds = round(time.monotonic() - start, 3)
        return result

    def _segment(self, plan: Plan, result: Result) -> None:
        spec = self.model.spec
        dimensions, channels = spec.architecture.dimensions, len(spec.channels)
        scan = read_scan(plan.image, self.arguments.axes, self.spacing, dimensions=dimensions, channels=channels)
        job = plan_job(spec, scan, self.settings)
        result.axes, result.shape = scan.result_axes, list(scan.result_shape)
        result.spacing, result.unit = list(scan.spacing), scan.unit
        runs = self._runs(plan)
        for note in [*notes(spec, scan, self.settings), *([runs.note] if runs is not None and runs.note else [])]:
            _note(plan, result, note)
        self._fill(plan, job, runs, result)
        if result.nonfinite:
            _note(plan, result, f"{result.nonfinite} voxels are NaN or infinite; they are background.")

    def _runs(self, plan: Plan) -> EngineFacts | None:
        """What is to run the network, here or at the workers; nothing does in a merge."""
        if self.keeping.merge:
            return None
        if self.crew is None:
            return self.engine
        if not self.crew.hosts:
            tell("No worker has joined yet; waiting for one.")
        return self.crew.survey(order_of(plan, self.arguments.axes, self.spacing))

    def _fill(self, plan: Plan, job: SegmentJob, runs: EngineFacts | None, result: Result) -> None:
        line = ProgressLine(plan.image.name)
        with self._opened(plan, job, runs, line) as run:
            try:
                self._compute(plan, run, line)
            except BaseException as error:
                if run.kept:
                    error.add_note(run.kept)
                raise
            finally:
                line.clear()
        result.tiles, result.tiles_skipped, result.resumed = run.tiles, run.skipped, run.skipped > 0
        result.nonfinite = run.nonfinite
        result.voxels = {label.name: int(count) for label, count in zip(job.spec.classes, run.voxels, strict=True)}

    def _compute(self, plan: Plan, run: Tally, line: ProgressLine) -> None:
        """Fill a run, here or at the workers."""
        if self.crew is not None and isinstance(run, KeptRun):
            self.crew.compute(order_of(plan, self.arguments.axes, self.spacing), run, line.show)
        elif not run.complete:
            for tile in stream(self.model, run.job, on_progress=line.show, engine=self.engine):
                run.take(tile)

    def _opened(self, plan: Plan, job: SegmentJob, runs: EngineFacts | None, line: ProgressLine) -> AbstractContextManager[Tally]:
        """The run that takes the tiles: one that can be gone on with, where all results are zarr."""
        outputs, keeping = Outputs(plan.labels, plan.probabilities), self.keeping
        if keeping.resume or keeping.part is not None or keeping.merge:
            check_zarr(plan, "--resume" if keeping.resume else "--part")
        if all(is_zarr_name(path) for path in (plan.labels, plan.probabilities) if path is not None):
            if isinstance(runs, Survey):
                job = replace(job, core_px=runs.core_px)
            return kept_run(self.model, job, outputs, keeping, runs, on_progress=line.show)
        return file_run(self.model, job, outputs, self.engine, keeping.overwrite)


def _keeping(arguments: SegmentArguments) -> Keeping:
    """What is to become of what was begun before; raises `typer.BadParameter` for a part that is none."""
    merge = arguments.part == MERGE
    try:
        part = None if arguments.part is None or merge else parse_part(arguments.part)
    except SettingsError as error:
        raise typer.BadParameter(f"--part: {error} The word {MERGE} puts the parts together.") from error
    return Keeping(arguments.resume, arguments.overwrite, part, merge)


def _note(plan: Plan, result: Result, sentence: str) -> None:
    result.notes.append(sentence)
    tell(f"{plan.image.name}: {sentence}")


def _outcome(batch: _Batch, results: list[Result]) -> Outcome:
    failed = [result for result in results if result.error is not None]
    values = {
        "model": batch.model.spec.name,
        "weights_sha256": batch.model.weights_sha256,
        "engine": batch.engine_name if any(result.tiles for result in results) else None,
        "settings": batch.settings.model_dump(),
        "results": [asdict(result) for result in results],
        "failed": len(failed),
    }
    lines = [_line(result) for result in results if result.error is None]
    if len(results) > 1 and failed:
        lines.append(f"{len(failed)} of {len(results)} images failed.")
    return Outcome(values, "\n".join(lines), failed=bool(failed))


def _line(result: Result) -> str:
    total = max(1, sum(result.voxels.values()))
    shares = ", ".join(f"{name} {count / total:.1%}" for name, count in list(result.voxels.items())[1:])
    part = f"part {result.part}, " if result.part not in (None, MERGE) else ""
    before = f", {result.tiles_skipped} of {result.tiles + result.tiles_skipped} tiles from before" if result.resumed else ""
    return f"{result.output}: {part}{shares} ({result.seconds:.1f} s{before})"
