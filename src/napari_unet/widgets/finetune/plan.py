"""From choices to a training: what fits, what is learnt from, and what to say before."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.learn.data.item import TrainItem
from napari_unet.model.library import ModelEntry, user_model_path
from napari_unet.model.spec import ClassSpec, ModelSpec
from napari_unet.scans.scan import Scan
from napari_unet.segment.check import check_fit, notes
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tasks.registry import check_can_learn
from napari_unet.widgets.docks.fit_probe import FitQuestion, question_of
from napari_unet.widgets.fields.values import InputChoice, PairChoice, Readiness
from napari_unet.widgets.finetune.fields.class_editor import are_objects
from napari_unet.widgets.finetune.order import (
    PreviewRegions,
    TrainChoices,
    TrainOrder,
    settings_for,
)
from napari_unet.widgets.finetune.preview_region import PreviewFollower
from napari_unet.widgets.finetune.run import FinetuneRun
from napari_unet.widgets.finetune.unfinished import turn_of
from napari_unet.widgets.painting.grey_levels import GreyLevels
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track, trust_of_layer
from napari_unet.widgets.painting.trust import Trust
from napari_unet.widgets.viewer.layer_list import is_open
from napari_unet.widgets.viewer.layer_watch import LayerWatch
from napari_unet.widgets.viewer.learnable_labels import classes_of
from napari_unet.widgets.viewer.scan_from_layers import scan_from_layers

if TYPE_CHECKING:
    from napari.layers import Image, Labels

NO_LABELS = (
    "Segment an image first, or open an image with labels: that is what is "
    "corrected and learnt from."
)
NO_IMAGE = "Open the image that the labels belong to."
NO_MODEL = "Choose a model to start from."
NO_TRUST = (
    "Nothing teaches yet. Paint over what is wrong, or say that a slice, "
    "a region or the layer is right."
)
ONE_CLASS = (
    "All that teaches is of one class, {}; learning needs at least two. Paint some of another "
    "class too, or say that a slice is right."
)
OBJECTS = (
    "The labels go up to {}, as if each object had a number of its own, but each "
    "number is taken for a class. "
    "Give all objects of one class the same number, or name the classes."
)
ANOTHER_CLASS = (
    "The labels {} call {} {}, which is {} among the classes to be learnt: a label is "
    "learnt by its number. Renumber or rename these labels, or choose another model."
)
ANOTHER_NAME = "What the labels {} call {} is learnt as {}."
BEYOND = (
    "The labels go up to {}, but there are {} classes, 0 to {}. Add a class, or paint these "
    "voxels with a label that has one."
)


@dataclass(frozen=True)
class FinetuneChoice:
    """All that is chosen in the dock, as plain values."""

    pairs: tuple[PairChoice, ...]
    parent: ModelEntry | None
    name: str
    classes: tuple[ClassSpec, ...]
    options: TrainChoices
    resume: bool = False

    @property
    def spec(self) -> ModelSpec | None:
        """The spec of the model to start from; None from scratch."""
        header = self.parent.header if self.parent is not None else None
        return header.spec if header is not None else None


class FinetunePlan:
    """Makes trainings for a viewer from the values of the leaf widgets."""

    def __init__(self, viewer: Any, images: LayerWatch, labels: LayerWatch) -> None:
        self._viewer = weakref.ref(viewer)
        self._images = images
        self._labels = labels

    def labels_layer(self, pair: PairChoice) -> "Labels | None":
        """The labels layer of a pair; None where none is chosen, or it is gone."""
        found = [] if pair.labels is None else self._labels.layers((pair.labels,))
        return found[0] if found else None

    def image_layers(self, choice: InputChoice) -> "list[Image]":
        """The image layers of a choice; empty where one of them is gone."""
        layers = self._images.layers(choice.layers)
        return layers if layers and len(layers) == len(choice.layers) else []

    def scan(self, pair: PairChoice) -> Scan:
        """The scan of a pair; raises `ScanError` where there is none."""
        layers = self.image_layers(pair.image)
        if not layers:
            raise ScanError(pair.image.problem or NO_IMAGE)
        return scan_from_layers(layers, pair.image)

    def readiness(
        self,
        choice: FinetuneChoice,
        problems: Sequence[str],
        trusts: Sequence[Trust],
        scratch: bool,
    ) -> Readiness:
        """Whether there can be a training, without reading a voxel; `problems` are those of the
        fields.
        """
        if not any(self.labels_layer(pair) is not None for pair in choice.pairs):
            return Readiness(False, NO_LABELS)
        if not scratch and choice.spec is None:
            return Readiness(False, choice.parent.problem if choice.parent else NO_MODEL)
        levels = GreyLevels(trusts)
        try:
            remarks = self._check(choice)
        except NapariUNetError as error:
            return Readiness(False, str(error))
        first = next((problem for problem in problems if problem), "")
        problem = first or trust_problem(levels, choice)
        return Readiness(not problem, problem or f"{remarks} {levels.note}".strip())

    def make_run(self, choice: FinetuneChoice) -> FinetuneRun:
        """A training that has not begun, with a copy of all labels; raises `NapariUNetError` where
        there can be none.
        """
        pairs = tuple(pair for pair in choice.pairs if self._is_trusted(pair))
        if not pairs:
            raise ScanError(NO_TRUST)
        items = self._items(pairs)
        settings = settings_for(choice.options)
        if choice.parent is not None and choice.parent.header is not None:
            turn = turn_of(choice.parent.header.weights_sha256)
            settings = settings.model_copy(update={"held_out_turn": turn})
        path = user_model_path(choice.name)
        order = TrainOrder(
            items,
            choice.parent,
            settings,
            choice.name,
            choice.classes,
            path,
            PreviewRegions(),
            choice.resume,
        )
        run = FinetuneRun(order, pairs)
        self._follow_view(run, pairs[0].image, items[0].scan)
        return run

    def fit_question(self, choice: FinetuneChoice) -> FitQuestion | None:
        """Whether the model to start from fits what is in view of the first image; None where there
        is none, or it can not be run.
        """
        viewer = self._viewer()
        image = choice.pairs[0].image if choice.pairs else InputChoice()
        layers = self.image_layers(image)
        if not is_open(viewer) or not layers or choice.parent is None or choice.spec is None:
            return None
        try:
            scan = scan_from_layers(layers, image)
            check_fit(choice.spec, scan)
        except NapariUNetError:
            return None  # readiness says so
        settings = SegmentSettings(empty_borders=settings_for(choice.options).empty_borders)
        return question_of(viewer, layers[0], scan, image, choice.parent, settings)

    def _check(self, choice: FinetuneChoice) -> str:
        """Remarks on a training that is possible; raises `NapariUNetError` where it is not."""
        header = None if choice.parent is None else choice.parent.header
        if header is not None:
            check_can_learn(header.spec)
        remarks = [] if header is None else list(header.notes)
        spec = choice.spec
        for pair in choice.pairs:
            scan = self.scan(pair)
            if spec is not None:
                check_fit(spec, scan)
                remarks += notes(spec, scan, SegmentSettings())
            remarks += naming_remarks(self.labels_layer(pair), choice.classes)
        return " ".join(dict.fromkeys(remarks))

    def _follow_view(self, run: FinetuneRun, image: InputChoice, scan: Scan) -> None:
        viewer = self._viewer()
        layers = self.image_layers(image)
        if is_open(viewer) and layers:
            follower = PreviewFollower(viewer, layers[0], scan, image.axes, run.order.preview)
            follower.setParent(run)
            run.ended.connect(follower.stop)

    def _is_trusted(self, pair: PairChoice) -> bool:
        """Whether any voxel of a pair's labels is trusted, as far as they have been counted."""
        trust = trust_of_layer(self.labels_layer(pair))
        return trust is not None and bool(trust.map.amount().voxels)

    def _items(self, pairs: Sequence[PairChoice]) -> tuple[TrainItem, ...]:
        """Copies of the labels of these pairs, grey levels as classes."""
        layers = [layer for pair in pairs if (layer := self.labels_layer(pair)) is not None]
        trusts = [track(layer) for layer in layers]
        for trust in trusts:
            trust.find_all()
        levels = GreyLevels(trusts)
        if levels.problem or len(layers) < len(pairs):
            raise ScanError(levels.problem or NO_LABELS)
        return tuple(
            self._item(pair, layer, levels.of(number), levels.note)
            for number, (pair, layer) in enumerate(zip(pairs, layers, strict=True))
        )

    def _item(
        self, pair: PairChoice, layer: "Labels", levels: np.ndarray | None, note: str
    ) -> TrainItem:
        found = copy_corrections(layer, levels)
        name = self.image_layers(pair.image)[0].name
        notes = () if levels is None else (f"{layer.name}: {note}",)
        return TrainItem(self.scan(pair), found.labels, found.trust, name, notes)


def naming_remarks(layer: "Labels | None", classes: Sequence[ClassSpec]) -> list[str]:
    """A remark for each label that a layer names otherwise than the class of its number; raises
    `ScanError` where that is the name of another class.
    """
    if layer is None:
        return []
    remarks = []
    names = [item.name.casefold() for item in classes]
    for number, item in list(enumerate(classes_of(layer)))[1 : len(classes)]:
        own = item.name.casefold()
        if own == names[number]:
            continue
        if own in names:
            raise ScanError(ANOTHER_CLASS.format(layer.name, number, item.name, names.index(own)))
        remarks.append(ANOTHER_NAME.format(layer.name, item.name, classes[number].name))
    return remarks


def trust_problem(levels: GreyLevels, choice: FinetuneChoice) -> str:
    """Why the trusted labels are not enough to learn from, as far as they have been counted; empty
    where they are.
    """
    labels = levels.labels()
    classes = choice.classes
    if not labels:
        return NO_TRUST
    if levels.problem:
        return levels.problem
    if are_objects(labels, len(classes), choice.parent is not None):
        return OBJECTS.format(max(labels))
    if max(labels) >= len(classes):
        return BEYOND.format(max(labels), len(classes), len(classes) - 1)
    if len(labels) == 1:
        return ONE_CLASS.format(classes[labels.pop()].name)
    return ""
