"""What `segment` does: one image after the other, tile by tile into its file."""

from contextlib import nullcontext

import typer

from napari_unet.cli.arguments import SegmentArguments, parse_spacing
from napari_unet.cli.outcome import Outcome
from napari_unet.cli.segment.backend import ClusterBackend, LocalBackend
from napari_unet.cli.segment.one_image import Batch
from napari_unet.cli.segment.output_paths import plan_outputs
from napari_unet.cli.segment.result import MERGE, Result
from napari_unet.cli.segment.scheduler import scheduler_of
from napari_unet.errors import SettingsError
from napari_unet.model.library import load_model
from napari_unet.segment.cluster.connect import connect
from napari_unet.segment.resumable.part import ResumePolicy, parse_part
from napari_unet.segment.settings import SegmentSettings


def segment_images(arguments: SegmentArguments, settings: SegmentSettings) -> Outcome:
    """Segment every image; the error of one is shown, and the others still run."""
    if arguments.probabilities is not None:
        settings = settings.model_copy(update={"keep_probabilities": True})
    policy = _policy(arguments)
    plans = plan_outputs(arguments, settings.keep_probabilities)
    spacing = parse_spacing(arguments.spacing)
    scheduler = scheduler_of(arguments, plans)
    model = load_model(arguments.model)
    with nullcontext() if scheduler is None else connect(scheduler, model, settings) as workers:
        backend = (
            LocalBackend(model, settings, len(plans))
            if workers is None
            else ClusterBackend(workers, arguments, spacing)
        )
        batch = Batch(arguments, settings, spacing, model, policy, backend)
        results = [batch.attempt(plan, plans) for plan in plans]
    return _outcome(batch, results)


def _policy(arguments: SegmentArguments) -> ResumePolicy:
    """What to do with what an earlier run has begun; raises `typer.BadParameter` for what is no
    part.
    """
    merge = arguments.part == MERGE
    try:
        part = None if arguments.part is None or merge else parse_part(arguments.part)
    except SettingsError as error:
        raise typer.BadParameter(
            f"--part: {error} The word {MERGE} puts the parts together."
        ) from error
    return ResumePolicy(arguments.resume, arguments.overwrite, part, merge)


def _outcome(batch: Batch, results: list[Result]) -> Outcome:
    failed = [result for result in results if result.error is not None]
    values = {
        "model": batch.model.spec.name,
        "weights_sha256": batch.model.weights_sha256,
        "engine": batch.backend.engines.joined or None,
        "settings": batch.settings.model_dump(),
        "results": [result.values() for result in results],
        "failed": len(failed),
    }
    lines = [result.line for result in results if result.error is None]
    if len(results) > 1 and failed:
        lines.append(f"{len(failed)} of {len(results)} images failed.")
    return Outcome(values, "\n".join(lines), failed=bool(failed))
