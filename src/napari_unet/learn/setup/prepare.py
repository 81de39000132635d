"""From what the user gives to what a training needs: items that are checked, a model to begin with,
what is held out, examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from napari_unet.devices import Device
from napari_unet.errors import ScanError, SettingsError
from napari_unet.learn.data.corrections import (
    NOTHING_TRUSTED,
    Corrections,
    check_classes,
    checked,
    whole_numbers,
)
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.judging.held_out import JUDGING, SCORING, HoldOut, hold_out
from napari_unet.learn.optimise.checkpoint import patches_of
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.fingerprint import spec_from_scratch
from napari_unet.learn.setup.object_size import object_diameter_px
from napari_unet.model.library import load_model
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance
from napari_unet.model.widen import widen_head
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.check import check_fit, check_spacing
from napari_unet.segment.settings import SegmentSettings

SCRATCH = "scratch"
MOST_UNNAMED = 32  # classes; with more labels and no names they are taken for objects
COLOURS = (
    "#000000",
    "#ff9f1c",
    "#3a86ff",
    "#ffbe0b",
    "#8338ec",
    "#06d6a0",
    "#ef476f",
    "#118ab2",
    "#fb5607",
    "#c0ca33",
)

Given = TrainItem | tuple[Any, ...]


@dataclass(frozen=True)
class Prepared:
    """What a training needs: `parent` is what it is compared with, `start` the same with the
    classes of the child.

    `round` counts the trainings from the first parent on; `turn` says which part was held out.
    """

    items: tuple[TrainItem, ...]
    parent: Model | None
    start: Model | None
    spec: ModelSpec
    round: int
    turn: int
    held: HoldOut


@dataclass(frozen=True)
class Wanted:
    """What is chosen of a new model: its name and classes, the device it is trained on, and which
    part is held out.
    """

    device: Device
    name: str | None = None
    classes: Sequence[str] | None = None
    turn: int | None = None


def prepare(given: Sequence[Given], start: Model | str | Path | None, wanted: Wanted) -> Prepared:
    """Check what is given, find the model to begin with or choose a network for the device, and
    hold some of the labels out.
    """
    parent = _parent(start)
    items, names = _checked(
        _items(given, grey=parent is None or len(parent.spec.channels) == 1), parent, wanted.classes
    )
    begin = None if parent is None else widen_head(parent, _classes(names, parent.spec.classes))
    spec = (
        begin.spec
        if begin is not None
        else spec_from_scratch(items, _classes(names, ()), wanted.device)
    )
    for item in items:
        check_fit(spec, item.scan)
        check_spacing(spec, item.scan, SegmentSettings())
    number = 0 if parent is None else _round_of(parent) + 1
    turn = number if wanted.turn is None else wanted.turn
    rule = SCORING if parent is None else JUDGING
    held = hold_out(
        items,
        spec.architecture.dimensions,
        [object_diameter_px(item) for item in items],
        turn,
        rule,
    )
    found = {} if parent is not None else spec.provenance.training
    own = {
        "name": wanted.name or _name(parent, number),
        "provenance": Provenance(training=found),
        "halo": None,
    }
    spec = spec.model_copy(update=own)
    return Prepared(tuple(items), parent, begin, spec, number, turn, held)


def _checked(
    items: Sequence[TrainItem], parent: Model | None, classes: Sequence[str] | None
) -> tuple[list[TrainItem], list[str]]:
    """The items with labels and trust that are sound, and the names of the classes."""
    names = list(classes or _names(parent, items))
    known = [checked(item.scan, item.labels, item.trust, names) for item in items]
    check_classes(known, names)
    return [_believed(item, found) for item, found in zip(items, known, strict=True)], names


def _parent(start: Model | str | Path | None) -> Model | None:
    if start is None or str(start) == SCRATCH:
        return None
    return start if isinstance(start, Model) else load_model(start)


def _items(given: Sequence[Given], grey: bool) -> list[TrainItem]:
    """What is given as items; those of which nothing is trusted are left out."""
    items = [each if isinstance(each, TrainItem) else _item(each, grey) for each in given]
    items = [item for item in items if item.trust is None or np.asarray(item.trust).any()]
    if not items:
        raise ScanError(NOTHING_TRUSTED)
    return items


def _item(given: tuple[Any, ...], grey: bool) -> TrainItem:
    if not 2 <= len(given) <= 3:
        raise SettingsError(
            f"A training takes pairs of an image and its labels, or these and a trust mask; got {len(given)} parts."
        )
    image, labels, *trust = given
    scan = image if isinstance(image, Scan) else scan_of(image, grey=grey)
    return TrainItem(
        scan, np.asarray(labels), np.asarray(trust[0]) if trust and trust[0] is not None else None
    )


def _believed(item: TrainItem, found: Corrections) -> TrainItem:
    """The item with what was found of it; where all is trusted as reviewed, no mask is kept."""
    whole = item.trust is None and bool(found.trust.all())
    return TrainItem(item.scan, found.labels, None if whole else found.trust)


def _names(parent: Model | None, items: Sequence[TrainItem]) -> list[str]:
    """The parent's classes, or names for the labels that are there."""
    if parent is not None:
        return [each.name for each in parent.spec.classes]
    most = max(_most(item) for item in items)
    if most > MOST_UNNAMED:
        raise ScanError(
            f"The labels go up to {most}, as if each object had a number of its own, but each number is taken for a class. "
            "Give all objects of one class the same number, or name the classes."
        )
    return (
        ["background", "foreground"]
        if most < 2
        else ["background", *(f"class {n}" for n in range(1, most + 1))]
    )


def _most(item: TrainItem) -> int:
    labels = whole_numbers(item.labels, "labels")
    known = (
        labels
        if item.trust is None or item.trust.shape != labels.shape
        else labels[item.trust != 0]
    )
    return int(known.max()) if known.size else 0


def _classes(names: Sequence[str], old: Sequence[ClassSpec]) -> list[ClassSpec]:
    colours = [each.colour for each in old] + [
        colour for colour in COLOURS if colour not in {each.colour for each in old}
    ]
    return [
        ClassSpec(name=name, colour=colours[n] if n < len(colours) else COLOURS[1 + n % 9])
        for n, name in enumerate(names)
    ]


def _round_of(model: Model) -> int:
    """The round a model came of, as its file says; 0 where it says nothing sensible."""
    told = model.spec.provenance.training.get("round", 0)
    return told if isinstance(told, int) and 0 <= told < 10_000 else 0


def _name(parent: Model | None, number: int) -> str:
    if parent is None:
        return "new model"
    return f"{parent.spec.name.partition(' (round ')[0][:60]} (round {number})"


def settings_with(
    settings: TrainSettings | None, minutes: float | None, steps: int | None
) -> TrainSettings:
    """The settings, with another budget where one is given."""
    settings = settings or TrainSettings()
    if minutes is None and steps is None:
        return settings
    try:
        return TrainSettings.model_validate(
            settings.model_dump()
            | {"planned_steps": None, "fall_from": None, "minutes": minutes, "steps": steps}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{name}: " for name in first["loc"])
        raise SettingsError(
            f"{place}{first['msg'].removeprefix('Value error, ')}; got {minutes=}, {steps=}."
        ) from error


def as_begun(settings: TrainSettings, checkpoint: Path | None) -> TrainSettings:
    """The settings with batch and patch of the training that is gone on with, where none were
    given.
    """
    told = {} if checkpoint is None else patches_of(checkpoint)
    known = {name: value for name, value in told.items() if getattr(settings, name) is None}
    try:
        return TrainSettings.model_validate(settings.model_dump() | known)
    except ValidationError:
        return settings  # the checkpoint is damaged, and refused when all of it is read
