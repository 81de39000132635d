"""What the commands are given besides their settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from napari_unet.errors import SettingsError
from napari_unet.model.formats import registry as models
from napari_unet.model.spec import TASK_NAMES
from napari_unet.scans.formats.registry import names_read, result_suffixes, resumable_suffixes

BY_PARTS = f"({resumable_suffixes()} only)"  # for results that are written by parts

AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object on standard output, and nothing else there."
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        help="One letter for each axis, such as zyx, tyx or yxc; what the file says when not given."
    ),
]
Channel = Annotated[
    list[str] | None,
    typer.Option(
        help="The channel to use, by its number from 0 or its name; for a model of several, once "
        "for each, in its order.",
        show_default=False,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Names of the classes, that of the background first, such as background,axon,myelin."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Spacing = Annotated[
    str | None,
    typer.Option(
        help="Voxel size in micrometres, such as 2,0.5,0.5; what the file says when not given."
    ),
]
Task = Annotated[
    str,
    typer.Option(
        help="What the labels are: semantic (a class for each voxel) or instances (an object)."
    ),
]
# there is one task to train for so far, so help does not list the option
HiddenTask = Annotated[
    str,
    typer.Option(
        hidden=True,
        help="What the labels are: semantic (a class for each voxel) or instances (an object).",
    ),
]


@dataclass(frozen=True)
class SegmentArguments:
    """The arguments of one `segment` command; each field is an argument or an option."""

    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE", help=f"Images to segment: {names_read()}.", show_default=False
        ),
    ]
    model: Annotated[
        str,
        typer.Option(
            help="Name of a model (see: models list), or the path of its file.", show_default=False
        ),
    ]
    output: Annotated[
        Path,
        typer.Option(
            help=f"File for the labels ({result_suffixes()}); with several images, a folder.",
            show_default=False,
        ),
    ]
    axes: Axes = None
    channel: Channel = None
    spacing: Spacing = None
    probabilities: Annotated[
        Path | None,
        typer.Option(help="File for the probability of each class; with several images, a folder."),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help=f"Resume an interrupted run, with its finished tiles {BY_PARTS}."
        ),
    ] = False
    part: Annotated[
        str | None,
        typer.Option(
            help="Do one part of the run, such as 2/4; when all are done, 'merge' completes the "
            f"result {BY_PARTS}."
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Run on the workers of a dask cluster, tls://host:port or tcp://host:port; "
            f"'local' starts some here {BY_PARTS}."
        ),
    ] = None
    overwrite: Overwrite = False
    as_json: AsJson = False


@dataclass(frozen=True)
class EvaluateArguments:
    """The arguments of one `evaluate` command; each field is an argument or an option."""

    prediction: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTION", help=f"Labels to score: {names_read()}.", show_default=False
        ),
    ]
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", help="Labels that are right, of the same shape.", show_default=False
        ),
    ]
    task: Task = "semantic"
    axes: Axes = None
    spacing: Spacing = None
    classes: Classes = None
    as_json: AsJson = False


@dataclass(frozen=True)
class TrainArguments:
    """The arguments of one `train` command; each field is an option."""

    image: Annotated[
        list[Path],
        typer.Option(help=f"An image: {names_read()}. Once for each.", show_default=False),
    ]
    labels: Annotated[
        list[Path],
        typer.Option(help="Its labels, of the same shape, in the same order.", show_default=False),
    ]
    output: Annotated[
        Path,
        typer.Option(
            help=f"File for the model that is the better one ({models.suffixes_saved()}).",
            show_default=False,
        ),
    ]
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            help="Which labels are trusted: 0 not, 1 painted, 2 reviewed. Once for each image, or "
            "never; 'all' says that all were reviewed.",
            show_default=False,
        ),
    ] = None
    start: Annotated[
        str,
        typer.Option(
            "--from", help="The model to fine-tune, by name or path; 'scratch' is a new model."
        ),
    ] = "scratch"
    task: HiddenTask = "semantic"
    name: Annotated[str | None, typer.Option(help="The name of the new model.")] = None
    classes: Classes = None
    axes: Axes = None
    channel: Channel = None
    spacing: Spacing = None
    keep_anyway: Annotated[
        bool,
        typer.Option("--keep-anyway", help="Write the new model even where the old one stays."),
    ] = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the checkpoint beside the output.")
    ] = False
    overwrite: Overwrite = False
    as_json: AsJson = False


def parse_spacing(text: str | None) -> tuple[float, ...] | None:
    """The numbers of "2,0.5,0.5"; raises `typer.BadParameter` for anything else."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            f"--spacing: expected numbers such as 2,0.5,0.5; got {text!r}."
        ) from error


def parse_names(text: str | None) -> list[str] | None:
    """The names of "background,axon,myelin"."""
    return None if text is None else [name.strip() for name in text.split(",")]


def check_task(task: str, not_yet: str) -> None:
    """Raise `typer.BadParameter` for a task that there is not, and `SettingsError` with the
    sentence `not_yet` for one whose labels are not the numbers of classes.
    """
    from napari_unet.segment.tasks.registry import OF_CLASSES  # needs numpy, and --help does not

    if task not in TASK_NAMES:
        raise typer.BadParameter(f"--task: expected {' or '.join(TASK_NAMES)}; got {task!r}.")
    if task not in OF_CLASSES:
        raise SettingsError(not_yet)
