"""What `models list` and `models show` say, from the files' headers alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_unet.cli.outcome import Outcome
from napari_unet.model import library
from napari_unet.model.formats.header import ModelHeader
from napari_unet.model.formats.registry import read_header
from napari_unet.model.library import load_model
from napari_unet.scans.channels import pick_channels
from napari_unet.scans.read import read_scan
from napari_unet.segment.check import notes
from napari_unet.segment.probe import probe
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.assess import assess_fit
from napari_unet.words import data_size, pixel_size, plain


def show_all_models() -> Outcome:
    """Every model of the library, those that can not be used with the reason."""
    entries = library.list_models()
    folder = str(library.user_folder())
    text = "\n".join(_line(entry) for entry in entries) or "There are no models yet."
    values = {"models": [_entry(entry) for entry in entries], "folder": folder}
    return Outcome(values, f"{text}\n\nYour own models belong in {folder}")


@dataclass(frozen=True)
class ImageToFit:
    """The image that a model is to be tried on, and how it is read."""

    path: Path
    axes: str | None = None
    channel: Sequence[str] | None = None
    spacing: Sequence[float] | None = None
    device: str = "auto"


def show_model(name_or_path: str, image: ImageToFit | None = None) -> Outcome:
    """All that one model says of itself, and with an image whether it may fit that; raises
    `ModelFileError` where it is none, `ScanError` where it can not be run on the image.
    """
    path = library.find_model(name_or_path)
    header = read_header(path)
    values = {
        "name": header.spec.name,
        "path": str(path),
        **_facts(header),
        "spec": {"format_version": header.format_version, **header.spec.model_dump(mode="json")},
    }
    rows = _rows(header)
    if image is not None:
        values["fit"] = fit = _fit(name_or_path, image)
        rows.append(("Fit", " ".join([fit["sentence"], *fit["notes"]])))
    lines = [f"{title + ':':<14}{text}" for title, text in rows if text]
    return Outcome(values, "\n".join(lines))


def _fit(name_or_path: str, image: ImageToFit) -> dict[str, Any]:
    """What the model makes of the middle of an image."""
    model = load_model(name_or_path)
    spec = model.spec
    scan = read_scan(
        image.path,
        image.axes,
        image.spacing,
        dimensions=spec.architecture.dimensions,
        channels=len(spec.channels),
    )
    scan = pick_channels(scan, image.channel)
    settings = SegmentSettings(device=image.device)
    advice = assess_fit(scan, model, settings=settings)
    signs = advice.signs
    return {
        "image": str(image.path),
        "fits": advice.fits,
        "sentence": advice.sentence,
        "classes": {
            item.name: share for item, share in zip(spec.classes, signs.classes, strict=True)
        },
        "unsure": signs.unsure,
        "mirrored": signs.mirrored,
        "notes": notes(spec, scan, settings),
    }


def _facts(header: ModelHeader) -> dict[str, Any]:
    return {
        "file_bytes": header.file_bytes,
        "parameters": header.parameters,
        "weights_sha256": header.weights_sha256,
        "notes": list(header.notes),
    }


def _entry(entry: library.ModelEntry) -> dict[str, Any]:
    spec = entry.header.spec if entry.header else None
    return {
        "name": entry.name,
        "path": str(entry.path),
        "builtin": entry.builtin,
        "usable": spec is not None,
        "problem": entry.problem,
        "summary": spec.summary if spec else "",
        "dimensions": spec.architecture.dimensions if spec else None,
        "task": spec.task if spec else None,
        "channels": list(spec.channels) if spec else [],
        "classes": [label.name for label in spec.classes] if spec else [],
    }


def _line(entry: library.ModelEntry) -> str:
    origin = "built in" if entry.builtin else "yours"
    if entry.header is None:
        return plain(f"{entry.name:<24} {origin:<9} not usable: {entry.problem}")
    spec = entry.header.spec
    classes = ", ".join(label.name for label in spec.classes)
    return plain(f"{entry.name:<24} {origin:<9} {spec.architecture.dimensions}D  {classes}")


def _rows(header: ModelHeader) -> list[tuple[str, str]]:
    spec = header.spec
    net = header.spec.architecture
    size = spec.spacing
    scores = ", ".join(f"{name} {value:.3f}" for name, value in spec.provenance.scores.items())
    classes = ", ".join(f"{number} {label.name}" for number, label in enumerate(spec.classes))
    poolings = f"{net.depth} poolings, {net.norm} normalisation"
    return [
        ("Name", spec.name),
        ("What it is", spec.summary),
        ("Classes", classes),
        ("Channels", ", ".join(spec.channels)),
        ("Pixel size", pixel_size(size.size, size.unit) if size is not None else "any"),
        ("Network", f"{net.dimensions}D U-Net, width {net.width}, {poolings}"),
        ("Size", f"{header.parameters:,} parameters, {data_size(header.file_bytes)}"),
        ("Scores", scores),
        ("Trained on", spec.data),
        ("Licence", spec.licence),
        ("Please cite", spec.citation),
        ("Identity", header.weights_sha256),
        ("Note", " ".join(header.notes)),
    ]


def measure_model(name_or_path: str, settings: SegmentSettings, voxels: int) -> Outcome:
    """Speed and memory of a model with these settings, on a window of so many voxels; raises
    `NapariUNetError` where it can not run.
    """
    model = load_model(name_or_path)
    found = probe(model, settings, voxels)
    values: dict[str, Any] = {"name": model.spec.name, **asdict(found)}
    sides = " × ".join(map(str, found.window))
    memory = "" if found.voxel_bytes is None else f", {found.voxel_bytes:.0f} bytes"
    cost = f"{1e9 * found.voxel_seconds:.0f} ns{memory} per voxel of {sides}"
    return Outcome(values, f"{model.spec.name} by {found.engine}: {cost}.")
