"""What `segment` does: one image after the other, tile by tile into its file."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import Outcome, tell, unexpected, with_notes
from napari_unet.cli.output_paths import Plan, check_not_an_image, plan_outputs
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.cli.spacing import parse_spacing
from napari_unet.errors import EngineError, OutputError, ScanError, SettingsError
from napari_unet.model.library import load_model
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes
from napari_unet.scans.read import read_scan
from napari_unet.scans.write import ZARR_SUFFIX
from napari_unet.segment.check import notes
from napari_unet.segment.engine import Engine, make_engine, timed
from napari_unet.segment.engines_used import EnginesUsed
from napari_unet.segment.estimate import estimate
from napari_unet.segment.file_run import file_run
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.kept_run import CompleteRun, complete_run, kept_run
from napari_unet.segment.part import Keeping, parse_part
from napari_unet.segment.probe import with_seconds
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.sink import Outputs
from napari_unet.segment.stream import stream
from napari_unet.segment.tally import Tally

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
    engine: str | None = None
    memory_bytes: int | None = None
    seconds_estimated: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def segment_images(arguments: SegmentArguments, settings: SegmentSettings) -> Outcome:
    """Segment every image; one that can not be read or written is told, and the others still run."""
    if arguments.probabilities is not None:
        settings = settings.model_copy(update={"keep_probabilities": True})
    keeping, plans = _keeping(arguments), plan_outputs(arguments, settings.keep_probabilities)
    spacing = parse_spacing(arguments.spacing)
    model = load_model(arguments.model)
    batch = _Batch(arguments, settings, spacing, model, keeping)
    results = [batch.attempt(plan, plans) for plan in plans]
    return _outcome(batch, results)


@dataclass(frozen=True)
class _Batch:
    """One model, and what is wanted of it."""

    arguments: SegmentArguments
    settings: SegmentSettings
    spacing: Sequence[float] | None
    model: Model
    keeping: Keeping
    engines: EnginesUsed = field(default_factory=EnginesUsed)

    @cached_property
    def engine(self) -> Engine:
        """What runs the network; made when it is wanted first."""
        return make_engine(self.model, self.settings)

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
        for note in notes(spec, scan, self.settings):
            _note(plan, result, note)
        self._fill(plan, job, result)
        if "engine" in vars(self) and self.engine.note not in ("", *result.notes):  # another one has taken over
            _note(plan, result, self.engine.note)
        if result.nonfinite:
            _note(plan, result, f"{result.nonfinite} voxels are NaN or infinite; they are background.")

    def _fill(self, plan: Plan, job: SegmentJob, result: Result) -> None:
        line = ProgressLine(plan.image.name)
        try:
            with self._opened(plan, job, result, line) as run:
                self._take_tiles(plan, run, result, line)
        finally:
            line.clear()
        if isinstance(run, CompleteRun) and self.keeping.part is not None:
            result.part = None
            _note(plan, result, "All parts are complete already; the numbers are those of the whole.")
        result.tiles, result.tiles_skipped, result.resumed = run.tiles, run.skipped, run.skipped > 0
        result.nonfinite, result.engine = run.nonfinite, run.engines.told or None
        result.voxels = {label.name: int(count) for label, count in zip(job.spec.classes, run.voxels, strict=True)}

    def _take_tiles(self, plan: Plan, run: Tally, result: Result, line: ProgressLine) -> None:
        try:
            if not run.complete:
                self._announce(plan, run.job, result)
                self._stream(run, line)
        except BaseException as error:
            if run.kept:
                error.add_note(run.kept)
            raise

    def _announce(self, plan: Plan, job: SegmentJob, result: Result) -> None:
        """Say what it will take, where one will wait for it."""
        engine = self.engine
        found = with_seconds(estimate(job, engine.kind, engine.device, free_bytes(engine.device)), engine, len(job.spec.channels))
        result.memory_bytes = found.memory_bytes
        result.seconds_estimated = None if found.seconds is None else round(found.seconds, 3)
        if found.long:
            tell(f"{plan.image.name}: {found.told}.")

    def _stream(self, run: Tally, line: ProgressLine) -> None:
        with timed(self.engine, run.job.spec.architecture) as engine:
            for tile in stream(self.model, run.job, on_progress=line.show, engine=engine):
                run.take(tile)
                self.engines.take(tile)

    def _opened(self, plan: Plan, job: SegmentJob, result: Result, line: ProgressLine) -> AbstractContextManager[Tally]:
        """The run that takes the tiles: one that can be gone on with, where all results are zarr."""
        outputs, keeping = Outputs(plan.labels, plan.probabilities), self.keeping
        others = [path for path in (plan.labels, plan.probabilities) if path is not None and path.suffix.lower() != ZARR_SUFFIX]
        if not others:
            if (complete := complete_run(self.model, job, outputs, keeping)) is not None:
                return nullcontext(complete)
            engine = None if keeping.merge else self._noted_engine(plan, result)
            return kept_run(self.model, job, outputs, keeping, engine, on_progress=line.show)
        if keeping.resume or keeping.part is not None or keeping.merge:
            option = "--resume" if keeping.resume else "--part"
            raise OutputError(f"{others[0].name} is written in one go at the end, so there is nothing for {option}. Name the output .zarr.")
        return file_run(self.model, job, outputs, self._noted_engine(plan, result), keeping.overwrite, line.show)

    def _noted_engine(self, plan: Plan, result: Result) -> Engine:
        """What runs the network, and what is to be known of it."""
        if self.engine.note:
            _note(plan, result, self.engine.note)
        return self.engine


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
        "engine": batch.engines.told or None,
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
