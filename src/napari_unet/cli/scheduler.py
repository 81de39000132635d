"""What `segment --scheduler` asks for, checked before anything is reached."""

from collections.abc import Sequence

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.outcome import tell
from napari_unet.cli.output_paths import Plan, check_resumable
from napari_unet.errors import SettingsError
from napari_unet.segment.cluster.messages import Order, parse_scheduler, warning_of
from napari_unet.segment.outputs import Outputs


def scheduler_of(arguments: SegmentArguments, plans: list[Plan]) -> str | None:
    """The scheduler that is wanted, if one is; what there is to be known of it is told.

    Raises `typer.BadParameter` for an address that is none and beside --part, `OutputError` for
    results in a format that is not written by parts.
    """
    if arguments.scheduler is None:
        return None
    if arguments.part is not None:
        raise typer.BadParameter(
            "--scheduler: workers divide the run among themselves, so leave --part out, or --scheduler."
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


def order_of(plan: Plan, axes: str | None, spacing: Sequence[float] | None) -> Order:
    """One image for the workers, with whole paths."""
    probabilities = None if plan.probabilities is None else plan.probabilities.absolute()
    return Order(
        plan.image.absolute(), Outputs(plan.labels.absolute(), probabilities), axes, spacing
    )
