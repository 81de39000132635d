"""What `train` does: pairs of files in, the better of two models out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from napari_unet.cli.arguments import TrainArguments, check_task, parse_names, parse_spacing
from napari_unet.cli.outcome import Outcome, tell
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.errors import OutputError, ScanError
from napari_unet.files.atomic import check_writable
from napari_unet.files.moves import discard
from napari_unet.files.names import check_name, is_same_file, name_beside, unusual_kind
from napari_unet.files.only_writer import only_writer
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.prepare import SCRATCH
from napari_unet.learn.train import TrainResult, train
from napari_unet.model.formats.registry import read_header, with_suffix
from napari_unet.model.library import find_model, save_elsewhere, save_model
from napari_unet.model.model import Model
from napari_unet.scans.channels import pick_channels
from napari_unet.scans.labels import read_labels, read_trust
from napari_unet.scans.read import read_scan
from napari_unet.scans.resample import convert
from napari_unet.scans.scan import Scan
from napari_unet.words import pixel_size, plain

ALL = "all"
NOT_YET = (
    "Objects that have a number each can not be learnt yet, only classes. Give labels with "
    "one number per class."
)
SAME_SIZE = 0.02  # by which the voxel sizes of an image and its labels may differ


def train_model(arguments: TrainArguments, settings: TrainSettings) -> Outcome:
    """Train, judge, and write the better model; a checkpoint lies beside it until then."""
    check_task(arguments.task, NOT_YET)
    output = _output(arguments)
    check_writable(output)
    with only_writer(output):
        return _trained(arguments, settings, _output(arguments))


def _trained(arguments: TrainArguments, settings: TrainSettings, output: Path) -> Outcome:
    checkpoint = _checkpoint(arguments, output)
    items = _items(arguments)
    shown = [note for each in items for note in (*each.scan.named_notes(each.name), *each.notes)]
    for note in shown:
        tell(note)
    line = ProgressLine(output.name)
    try:
        result = train(
            items,
            start=arguments.start,
            settings=settings,
            on_progress=line.show,
            name=arguments.name,
            classes=parse_names(arguments.classes),
            checkpoint=checkpoint,
            resume=arguments.resume,
        )
    except KeyboardInterrupt:
        line.clear()
        if checkpoint.exists():
            tell(
                f"What was learnt is in {checkpoint}; the same command with --resume continues "
                "from there."
            )
        raise
    line.clear()
    written = result.model if arguments.keep_anyway else result.best
    _save(written, arguments, checkpoint)
    for note in result.notes:
        if note not in shown:
            tell(note)
    return Outcome(_values(arguments, output, result, written), _text(output, result, written))


def _output(arguments: TrainArguments) -> Path:
    """The file to be written; raises `OutputError` before a training that could not be saved."""
    path = with_suffix(arguments.output)
    check_name(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Name a file for the model.")
    if path.exists() and not arguments.overwrite:
        raise OutputError(f"{path} exists. Choose another name, or give --overwrite.")
    read = (*arguments.image, *arguments.labels, *(arguments.trust or ()))
    if any(is_same_file(path, other) for other in read):
        raise OutputError(f"{path} is one of the images or labels. Choose another output.")
    if kind := unusual_kind(path):
        raise OutputError(f"{path} is {kind} and is not replaced. Choose another name.")
    return path


def _checkpoint(arguments: TrainArguments, output: Path) -> Path:
    """The checkpoint's file; raises `OutputError` where that of an interrupted training would be
    lost without a word.
    """
    path = output.with_name(name_beside(output.name, ".checkpoint"))
    if path.exists() and not (arguments.resume or arguments.overwrite):
        raise OutputError(
            f"{path} is what an interrupted training has learnt. Give --resume to continue from "
            "it, or --overwrite to start again."
        )
    return path


def _items(arguments: TrainArguments) -> list[TrainItem]:
    images = arguments.image
    labels = arguments.labels
    trust = arguments.trust or [Path(ALL)] * len(arguments.image)
    if not len(images) == len(labels) == len(trust):
        raise typer.BadParameter(
            f"--image: each one needs its --labels, and all or none a --trust ({ALL!r} where all "
            f"labels were reviewed); got {len(images)} --image, {len(labels)} --labels and "
            f"{len(trust)} --trust."
        )
    spec = None if arguments.start == SCRATCH else read_header(find_model(arguments.start)).spec
    dimensions = 2 if spec is None else spec.architecture.dimensions
    channels = 1 if spec is None else len(spec.channels)
    spacing = parse_spacing(arguments.spacing)
    scans = [
        read_scan(path, arguments.axes, spacing, dimensions=dimensions, channels=channels)
        for path in images
    ]
    scans = [pick_channels(scan, arguments.channel) for scan in scans]
    found = read_labels(labels)
    for scan, own, image, name in zip(scans, found, images, labels, strict=True):
        _check_scale(scan, own, image, name)
    opened = zip(images, scans, strict=True)
    labelled = zip(labels, found, strict=True)
    return [_item(*each) for each in zip(opened, labelled, _trust_masks(trust), strict=True)]


Opened = tuple[Path, Scan]


def _item(image: Opened, labels: Opened, trust: Opened | None) -> TrainItem:
    """A scan with its labels and its trust, None where all was reviewed."""
    files = [labels] if trust is None else [labels, trust]
    values = [np.asarray(scan.data[...]) for _, scan in files]  # may be warned of, so before notes
    return TrainItem(
        scan=image[1],
        labels=values[0],
        trust=None if trust is None else values[1],
        name=image[0].name,
        notes=tuple(note for path, scan in files for note in scan.named_notes(path.name)),
    )


def _trust_masks(paths: Sequence[Path]) -> list[Opened | None]:
    """The trust masks, None where all labels were reviewed."""
    files = [path for path in paths if str(path) != ALL]
    opened = iter(zip(files, read_trust(files), strict=True))
    return [None if str(path) == ALL else next(opened) for path in paths]


def _check_scale(scan: Scan, found: Scan, image: Path, labels: Path) -> None:
    """Raise `ScanError` where both files know their voxel size and it is not the same."""
    own = convert(scan.spacing, scan.unit, "um")
    other = convert(found.spacing, found.unit, "um")
    if own is None or other is None or scan.spatial_axes != found.spatial_axes:
        return
    if not np.allclose(own, other, rtol=SAME_SIZE, atol=0):
        raise ScanError(
            f"{labels.name} has voxels of {pixel_size(other, 'um')}, but {image.name} of "
            f"{pixel_size(own, 'um')}. "
            "Give labels that were made on this image, or say its size with --spacing."
        )


def _save(model: Model, arguments: TrainArguments, checkpoint: Path) -> None:
    """Write the model, and only then delete the checkpoint; where it can not be written, or
    something else has come there meanwhile, it is saved wherever it can be.
    """
    output = with_suffix(arguments.output)
    try:
        save_model(model, _output(arguments))
    except OutputError as error:
        if (other := save_elsewhere(model, output)) is not None:
            error.add_note(f"The model is in {other} instead; move it from there.")
        if checkpoint.exists():
            error.add_note(
                f"What was learnt is in {checkpoint}: make room, and repeat the command with "
                "--resume."
            )
        raise
    discard(checkpoint)


def _values(
    arguments: TrainArguments, output: Path, result: TrainResult, written: Model
) -> dict[str, Any]:
    return {
        "output": str(output),
        "kept": "child" if written is result.model else "parent",
        "name": written.spec.name,
        "weights_sha256": written.weights_sha256,
        "parent_sha256": None if result.parent is None else result.parent.weights_sha256,
        "child_sha256": result.model.weights_sha256,
        "images": [str(path) for path in arguments.image],
        "verdict": result.verdict.as_dict(),
        "steps": len(result.history.losses),
        "losses": list(result.history.losses),
        "scores": [{"step": step, "dice": dice} for step, dice in result.history.scores],
        "seconds": round(result.history.seconds, 3),
        "settings": result.settings.model_dump(mode="json"),
        "corrections": result.model.spec.provenance.training["corrections"],
        "notes": list(result.notes),
    }


def _text(output: Path, result: TrainResult, written: Model) -> str:
    what = (
        "the new model"
        if written is result.model
        else "the old model, since the new one did not win (--keep-anyway writes it)"
    )
    rows = [
        f"  {row.name:<24} {_before(row.parent)}{row.child:.3f}" for row in result.verdict.classes
    ]
    return "\n".join([result.verdict.sentence, *rows, plain(f"{output} holds {what}.")])


def _before(score: float | None) -> str:
    """The score of the old model, where there is one."""
    return "" if score is None else f"{score:.3f} -> "
