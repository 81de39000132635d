"""The options of `segment --scheduler`, checked before the scheduler is contacted."""

from collections.abc import Sequence

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import tell
from napari_unet.cli.segment.output_paths import Plan, check_resumable
from napari_unet.errors import SettingsError
from napari_unet.segment.cluster.messages import ImageTask, parse_scheduler, warning_of
from napari_unet.segment.outputs import Outputs


def scheduler_of(arguments: SegmentArguments, plans: list[Plan]) -> str | None:
    """The address of the scheduler, None where none is given; a warning about it goes to the
    terminal.

    Raises `typer.BadParameter` for what is no address and beside --part, `OutputError` for results
    in a format that is not written by parts.
    """
    if arguments.scheduler is None:
        return None
    if arguments.part is not None:
        raise typer.BadParameter(
            "--scheduler: workers divide the run among themselves, so leave --part out, or "
            "--scheduler."
        )
    try:
        address = parse_scheduler(arguments.scheduler)
    except SettingsError as error:
        raise typer.BadParameter(f"--scheduler: {error}") from error
    for plan in plans:
        check_resumable(plan, "--scheduler")
    if warning := warning_of(address):
        tell(warning)
    return address


def image_task(
    plan: Plan, arguments: SegmentArguments, spacing: Sequence[float] | None
) -> ImageTask:
    """One image for the workers, with absolute paths: their current folder is another."""
    probabilities = None if plan.probabilities is None else plan.probabilities.absolute()
    outputs = Outputs(plan.labels.absolute(), probabilities)
    channels = tuple(arguments.channel or ())
    return ImageTask(plan.image.absolute(), outputs, arguments.axes, spacing, channels)
