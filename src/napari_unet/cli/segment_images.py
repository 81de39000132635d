"""What `segment` does: one image after the other, tile by tile into its file."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import Outcome, tell, unexpected
from napari_unet.cli.output_paths import Plan, check_not_an_image, plan_outputs
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.cli.spacing import parse_spacing
from napari_unet.errors import OutputError, ScanError
from napari_unet.model.library import load_model
from napari_unet.model.model import Model
from napari_unet.scans.read import read_scan
from napari_unet.scans.result_file import ResultFile
from napari_unet.scans.scan import Scan
from napari_unet.scans.write import open_result
from napari_unet.segment.check import notes
from napari_unet.segment.engine import Engine, make_engine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.run import run_facts
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import TileResult, stream


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
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def segment_images(arguments: SegmentArguments, settings: SegmentSettings) -> Outcome:
    """Segment every image; one that can not be read or written is told, and the others still run."""
    if arguments.probabilities is not None:
        settings = settings.model_copy(update={"keep_probabilities": True})
    plans = plan_outputs(arguments, settings.keep_probabilities)
    spacing = parse_spacing(arguments.spacing)
    model = load_model(arguments.model)
    batch = _Batch(arguments, settings, spacing, model, make_engine(model, settings))
    results = [batch.attempt(plan, plans) for plan in plans]
    return _outcome(batch, results)


@dataclass(frozen=True)
class _Batch:
    """One model, ready to run, and what is wanted of it."""

    arguments: SegmentArguments
    settings: SegmentSettings
    spacing: Sequence[float] | None
    model: Model
    engine: Engine

    def attempt(self, plan: Plan, plans: list[Plan]) -> Result:
        """Segment one image; what goes wrong with this one is told and kept in its result."""
        result = Result(str(plan.image), str(plan.labels), None if plan.probabilities is None else str(plan.probabilities))
        start = time.monotonic()
        try:
            check_not_an_image(plan, plans)
            self._segment(plan, result)
        except (ScanError, OutputError) as error:
            result.error = str(error)
            tell(f"Error: {error}" if plan.image.name in str(error) else f"Error: {plan.image.name}: {error}")
        except (RuntimeError, MemoryError) as error:  # torch: out of memory and the like; the images after this one may fit
            result.error = unexpected(error)
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
        for note in [*notes(spec, scan, self.settings), *([self.engine.note] if self.engine.note else [])]:
            _note(plan, result, note)
        self._fill(plan, job, result)
        if result.nonfinite:
            _note(plan, result, f"{result.nonfinite} voxels are NaN or infinite; they are background.")

    def _fill(self, plan: Plan, job: SegmentJob, result: Result) -> None:
        line = ProgressLine(plan.image.name)
        counts = np.zeros(len(job.spec.classes), np.int64)
        with ExitStack() as stack:
            sinks = self._sinks(plan, job, stack)
            for tile in stream(self.model, job, on_progress=line.show, engine=self.engine):
                for sink in sinks:
                    sink.take(tile)
                counts += np.bincount(tile.labels.ravel(), minlength=len(counts))
                result.nonfinite += tile.nonfinite
                result.tiles = tile.done
            line.clear()
        result.voxels = {label.name: int(count) for label, count in zip(job.spec.classes, counts, strict=True)}

    def _sinks(self, plan: Plan, job: SegmentJob, stack: ExitStack) -> list["_Sink"]:
        scan, facts = job.scan, run_facts(self.model, job, self.engine)
        files = [ResultFile(plan.labels, scan, np.uint8, facts=facts)]
        if plan.probabilities is not None:
            classes = job.spec.architecture.out_channels
            files.append(ResultFile(plan.probabilities, scan, np.float16, classes if classes > 1 else 0, facts))
        return [_Sink(scan, file, stack.enter_context(open_result(file, self.arguments.overwrite))) for file in files]


def _note(plan: Plan, result: Result, sentence: str) -> None:
    result.notes.append(sentence)
    tell(f"{plan.image.name}: {sentence}")


@dataclass(frozen=True)
class _Sink:
    """A result file that takes tiles."""

    scan: Scan
    file: ResultFile
    array: Any

    def take(self, tile: TileResult) -> None:
        """Put a tile's labels, or its probabilities, where they belong."""
        index = self.scan.place(tile.frame, tile.region)
        if np.dtype(self.file.dtype).kind != "f":
            self.array[index] = self.scan.to_place(tile.labels)
        elif tile.probabilities is not None and self.file.channels:
            self.array[self.file.place(index)] = np.stack([self.scan.to_place(part) for part in tile.probabilities])
        elif tile.probabilities is not None:
            self.array[index] = self.scan.to_place(tile.probabilities[0])


def _outcome(batch: _Batch, results: list[Result]) -> Outcome:
    failed = [result for result in results if result.error is not None]
    values = {
        "model": batch.model.spec.name,
        "weights_sha256": batch.model.weights_sha256,
        "engine": batch.engine.name,
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
    return f"{result.output}: {shares} ({result.seconds:.1f} s)"
