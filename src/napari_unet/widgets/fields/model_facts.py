"""The facts of a model for people: a headline, its lineage, and all of them."""

from collections.abc import Sequence

from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ModelSpec
from napari_unet.words import pixel_size, short_count

MOST_SCORES = 3
SUFFIXES = {", test": "Tested", ", held out": "Held out"}
NARROW = "\N{NO-BREAK SPACE}"


def headline(entry: ModelEntry) -> str:
    """One short paragraph: what the model is for, its dimensions, pixel size, parameters,
    licence and scores, and what else there is to know about its file.
    """
    if entry.header is None:
        return entry.problem
    spec = entry.header.spec
    parts = [
        f"{spec.architecture.dimensions}D",
        trained_pixel_size(spec),
        f"{short_count(entry.header.parameters)} parameters",
    ]
    parts += [spec.licence] if spec.licence else []
    lines = [spec.summary] if spec.summary else []
    lines.append(" · ".join(part.replace(" ", NARROW) for part in parts))
    lines += [scores(spec)] if spec.provenance.scores else []
    lines += entry.header.notes
    return "\n".join(lines)


def lineage(entry: ModelEntry, known: Sequence[ModelEntry]) -> list[str]:
    """From which model it was made, and when; empty for a model that was made from none."""
    if entry.header is None or (sha := entry.header.spec.provenance.parent) is None:
        return []
    provenance = entry.header.spec.provenance
    parent = next(
        (other.name for other in known if other.header and other.header.weights_sha256 == sha),
        f"{sha[:8]}…",
    )
    parts = [f"Learnt from {parent}", provenance.date[:10]]
    return [" · ".join(part for part in parts if part)]


def full_text(entry: ModelEntry) -> str:
    """All that is worth knowing about a model, one fact a line."""
    if entry.header is None:
        return f"{entry.path}\n{entry.problem}"
    spec = entry.header.spec
    facts = [
        ("File", str(entry.path)),
        ("Channels", ", ".join(spec.channels)),
        ("Classes", ", ".join(item.name for item in spec.classes)),
        ("Data", spec.data),
        ("Licence", spec.licence),
        ("Citation", spec.citation),
        ("Weights", entry.header.weights_sha256[:16]),
    ]
    lines = [f"{title}: {text}" for title, text in facts if text]
    return "\n".join([*lines, *entry.header.notes])


def trained_pixel_size(spec: ModelSpec) -> str:
    """The pixel or voxel size that a model was trained at."""
    if spec.spacing is None:
        return "any pixel size"
    return pixel_size(spec.spacing.size, spec.spacing.unit)


def scores(spec: ModelSpec) -> str:
    """The first few scores of a model: those on test images, else on held-out ones, else any."""
    known = spec.provenance.scores
    title = "Scores"
    for suffix, what in SUFFIXES.items():
        if some := {
            name.removesuffix(suffix): value
            for name, value in known.items()
            if name.endswith(suffix)
        }:
            known = some
            title = what
            break
    text = ", ".join(
        f"{name.replace('_', ' ')}{NARROW}{value:.2f}"
        for name, value in list(known.items())[:MOST_SCORES]
    )
    return f"{title}: {text}"
