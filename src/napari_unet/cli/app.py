"""The commands. What they need is imported when they run, so that asking for help costs nothing."""

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.arguments import (
    AsJson,
    Axes,
    Channel,
    EvaluateArguments,
    SegmentArguments,
    Spacing,
    TrainArguments,
    parse_spacing,
)
from napari_unet.cli.options import validated, with_arguments, with_options
from napari_unet.cli.outcome import Outcome, guarded
from napari_unet.learn.settings import TrainSettings
from napari_unet.segment.engine.speed_cache import PROBE_VOXELS
from napari_unet.segment.settings import SegmentSettings

app = typer.Typer(
    help="Segment 2D and 3D scans with a U-Net.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models = typer.Typer(help="The models that are there.", rich_markup_mode=None)
app.add_typer(models, name="models")


def help_of(setting: str) -> str:
    """What a setting of a segmentation is for."""
    return SegmentSettings.model_fields[setting].description or ""


def _show_version(wanted: bool) -> None:
    if wanted:
        from napari_unet import __version__

        typer.echo(f"napari-unet-loop {__version__}")
        raise typer.Exit


@app.callback()
def _begin(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command("segment")
@with_options(SegmentArguments, SegmentSettings)
def segment_command(arguments: SegmentArguments, settings: SegmentSettings) -> None:
    """Segment images into files of labels.

    Label 0 is background, the others are the classes of the model. Tiles are exact: the result is
    that of the whole image in one piece.
    """
    from napari_unet.cli.segment.images import segment_images

    guarded(lambda: segment_images(arguments, settings), arguments.as_json)


@app.command("train")
@with_options(TrainArguments, TrainSettings)
def train_command(arguments: TrainArguments, settings: TrainSettings) -> None:
    """Train a model on labelled images, and judge it against the one it came from.

    Give --minutes or --steps, or neither to train until it stops improving. Some of what was
    reviewed is held out and judges; the output holds the model that is better there: the new one,
    or the old one where that is not beaten.
    """
    from napari_unet.cli.train_model import train_model

    guarded(lambda: train_model(arguments, settings), arguments.as_json)


@app.command("evaluate")
@with_arguments(EvaluateArguments)
def evaluate_command(arguments: EvaluateArguments) -> None:
    """Score labels against the truth, class by class.

    Dice, IoU, precision and recall; HD95 and average surface distance in micrometres where the
    voxel size is known.
    """
    from napari_unet.cli.evaluate_labels import evaluate_labels

    guarded(lambda: evaluate_labels(arguments), arguments.as_json)


@models.callback(invoke_without_command=True)
def _list_by_default(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_command(context, as_json)


@models.command("list")
def list_command(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models that come with the program and your own."""
    from napari_unet.cli.show_models import show_all_models

    guarded(show_all_models, as_json or _before_subcommand(context))


@models.command("show")
def show_command(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="NAME", help="A model's name, or the path of its file.")
    ],
    fits: Annotated[
        Path | None,
        typer.Option(
            metavar="IMAGE",
            help="An image: say whether the model may fit it, from the middle of it.",
        ),
    ] = None,
    axes: Axes = None,
    channel: Channel = None,
    spacing: Spacing = None,
    device: Annotated[str, typer.Option(help=help_of("device"))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Show what a model file says of itself, and whether the model may fit an image."""
    from napari_unet.cli.show_models import ImageToFit, show_model

    sizes = parse_spacing(spacing)
    image = None if fits is None else ImageToFit(fits, axes, channel, sizes, device)
    guarded(lambda: show_model(model, image), as_json or _before_subcommand(context))


@models.command("measure")
def measure_command(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="NAME", help="A model's name, or the path of its file.")
    ],
    device: Annotated[str, typer.Option(help=help_of("device"))] = "auto",
    engine: Annotated[str, typer.Option(help=help_of("engine"))] = "auto",
    precision: Annotated[str, typer.Option(help=help_of("precision"))] = "float32",
    voxels: Annotated[
        int,
        typer.Option(
            min=1, max=2**26, help="About how many voxels the window has that it runs on."
        ),
    ] = PROBE_VOXELS,
    as_json: AsJson = False,
) -> None:
    """Measure a model's speed and memory on this machine; later runs are planned by them."""
    from napari_unet.cli.show_models import measure_model

    settings = validated(
        SegmentSettings, {"device": device, "engine": engine, "precision": precision}
    )
    guarded(lambda: measure_model(model, settings, voxels), as_json or _before_subcommand(context))


@app.command("doctor")
def doctor_command(as_json: AsJson = False) -> None:
    """Say what this installation is and what it lacks."""
    guarded(_diagnose, as_json)


@app.command("demo")
def demo_command(
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for the picture and the labels of a demo without a display."),
    ] = None,
) -> None:
    """Open napari with a sample scan and segment it."""
    from napari_unet.cli.run_demo import run_demo

    guarded(lambda: run_demo(output), as_json=False)


def _before_subcommand(context: typer.Context) -> bool:
    """Whether --json stands before the subcommand."""
    return context.parent is not None and bool(context.parent.params.get("as_json"))


def _diagnose() -> Outcome:
    from napari_unet import doctor as examiner

    facts = examiner.report()
    return Outcome(facts, examiner.render(facts))
