"""From what the user gives to what a training needs: items that are checked, a model to begin with,
the new model's spec, and what is held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

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
from napari_unet.learn.data.normalised import NormalisedScan
from napari_unet.learn.judging.folds import JUDGING, SCORING
from napari_unet.learn.judging.held_out import HoldOut, hold_out
from napari_unet.learn.setup.choose_network import spec_from_scratch
from napari_unet.learn.setup.object_size import object_diameter_px
from napari_unet.model.library import load_model
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance
from napari_unet.model.widen import widen_head, with_level_heads
from napari_unet.progress import GetControl, always_continue, without_stop
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.check import check_fit, check_spacing
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tasks.registry import check_can_learn

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

GivenItem = TrainItem | tuple[Any, ...]


@dataclass(frozen=True)
class Prepared:
    """What a training needs: `parent` is what it is compared with, `start` the same with the
    classes of the child, `spec` what the child is.

    `normalised` reads the scan of each item as the model sees it; where there is no image, an item
    is not trusted. `round` counts the trainings from the first parent on; `turn` says which part
    was held out.
    """

    items: tuple[TrainItem, ...]
    normalised: tuple[NormalisedScan, ...]
    parent: Model | None
    start: Model | None
    spec: ModelSpec
    round: int
    turn: int
    held: HoldOut


@dataclass(frozen=True)
class ChildOptions:
    """What the caller chooses of the child: the device it is trained on, its name and classes, and
    which part is held out (None: chosen here); and whether borders without image are left out.
    """

    device: Device
    name: str | None = None
    classes: Sequence[str] | None = None
    turn: int | None = None
    empty_borders: bool = True


def prepare(
    given: Sequence[GivenItem],
    start: Model | str | Path | None,
    options: ChildOptions,
    control: GetControl = always_continue,
) -> Prepared:
    """Check what is given, find the model to begin with or choose a network for the device, and
    hold some of the labels out. STOP is not heeded: nothing is learnt yet.
    """
    parent = _parent(start)
    grey = parent is None or len(parent.spec.channels) == 1
    items, names = _checked(_items(given, grey), parent, options.classes)
    begin = None
    if parent is not None:
        begin = with_level_heads(widen_head(parent, _classes(names, parent.spec.classes)))
    if begin is not None:
        spec = begin.spec
    else:
        spec = spec_from_scratch(items, _classes(names, ()), options.device)
    for item in items:
        check_fit(spec, item.scan)
        check_spacing(spec, item.scan, SegmentSettings())
    normalised = [
        NormalisedScan(item.scan, spec, options.empty_borders, without_stop(control))
        for item in items
    ]
    items = _with_image(items, normalised, names)
    number = 0 if parent is None else _round_of(parent) + 1
    turn = number if options.turn is None else options.turn
    rule = SCORING if parent is None else JUDGING
    object_px = [object_diameter_px(item) for item in items]
    held = hold_out(items, spec.architecture.dimensions, object_px, turn, rule)
    spec = spec.model_copy(
        update={
            "name": options.name or _name(parent, number),
            # the fingerprint of a new network's data; what a parent's file says is not the child's
            "provenance": Provenance(training={} if parent else spec.provenance.training),
            "halo": None,
        }
    )
    return Prepared(tuple(items), tuple(normalised), parent, begin, spec, number, turn, held)


def _checked(
    items: Sequence[TrainItem], parent: Model | None, classes: Sequence[str] | None
) -> tuple[list[TrainItem], list[str]]:
    """The items with labels and trust that are sound, and the names of the classes."""
    names = list(classes or _names(parent, items))
    known = [checked(item.scan, item.labels, item.trust, names) for item in items]
    check_classes(known, names)
    return [_with_checked(item, found) for item, found in zip(items, known, strict=True)], names


def _with_image(
    items: Sequence[TrainItem], normalised: Sequence[NormalisedScan], classes: Sequence[str]
) -> list[TrainItem]:
    """The items without trust where there is no image; raises `ScanError` where too little is left
    to learn from.
    """
    found = []
    for item, scan in zip(items, normalised, strict=True):
        given = item.corrections.trust
        trust = scan.with_image(given)
        found.append(item if trust is given else replace(item, trust=trust))
    if any(item is not before for item, before in zip(found, items, strict=True)):
        check_classes([item.corrections for item in found], classes)
    return found


def _parent(start: Model | str | Path | None) -> Model | None:
    """The model to begin with; raises `ScanError` for one whose task can not be learnt."""
    if start is None or str(start) == SCRATCH:
        return None
    parent = start if isinstance(start, Model) else load_model(start)
    check_can_learn(parent.spec)
    return parent


def _items(given: Sequence[GivenItem], grey: bool) -> list[TrainItem]:
    """What is given as items; those of which nothing is trusted are left out. `grey`: colours in an
    image are mixed to one channel.
    """
    items = [each if isinstance(each, TrainItem) else _item(each, grey) for each in given]
    items = [item for item in items if item.trust is None or np.asarray(item.trust).any()]
    if not items:
        raise ScanError(NOTHING_TRUSTED)
    return items


def _item(given: tuple[Any, ...], grey: bool) -> TrainItem:
    if not 2 <= len(given) <= 3:
        raise SettingsError(
            "A training takes pairs of an image and its labels, or these and a trust mask; "
            f"got {len(given)} parts."
        )
    image, labels, *rest = given
    scan = image if isinstance(image, Scan) else scan_of(image, grey=grey)
    trust = rest[0] if rest else None
    return TrainItem(scan, np.asarray(labels), None if trust is None else np.asarray(trust))


def _with_checked(item: TrainItem, found: Corrections) -> TrainItem:
    """The item with labels and trust that were checked; where all is reviewed, it needs no mask."""
    whole = item.trust is None and bool(found.trust.all())
    return replace(item, labels=found.labels, trust=None if whole else found.trust)


def _names(parent: Model | None, items: Sequence[TrainItem]) -> list[str]:
    """The parent's classes, or names for the labels that are there."""
    if parent is not None:
        return [each.name for each in parent.spec.classes]
    most = max(_largest_label(item) for item in items)
    if most > MOST_UNNAMED:
        raise ScanError(
            f"The labels go up to {most}, as if each object had a number of its own, "
            "but each number is taken for a class. "
            "Give all objects of one class the same number, or name the classes."
        )
    if most < 2:
        return ["background", "foreground"]
    return ["background", *(f"class {n}" for n in range(1, most + 1))]


def _largest_label(item: TrainItem) -> int:
    """The largest trusted label; a mask of another shape is refused later, with a sentence."""
    labels = whole_numbers(item.labels, "labels")
    if item.trust is not None and item.trust.shape == labels.shape:
        labels = labels[item.trust != 0]
    return int(labels.max()) if labels.size else 0


def _classes(names: Sequence[str], old: Sequence[ClassSpec]) -> list[ClassSpec]:
    """The classes of the child: those of the parent with their colours, then new ones."""
    taken = [each.colour for each in old]
    colours = taken + [colour for colour in COLOURS if colour not in taken]
    return [
        ClassSpec(name=name, colour=colours[n] if n < len(colours) else COLOURS[1 + n % 9])
        for n, name in enumerate(names)
    ]


def _round_of(model: Model) -> int:
    """The round a model came of, as its file says; 0 where that makes no sense, since anyone may
    have written it.
    """
    number = model.spec.provenance.training.get("round", 0)
    return number if isinstance(number, int) and 0 <= number < 10_000 else 0


def _name(parent: Model | None, number: int) -> str:
    if parent is None:
        return "new model"
    first = parent.spec.name.partition(" (round ")[0]
    return f"{first[:60]} (round {number})"
