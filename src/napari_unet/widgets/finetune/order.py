"""What is to be trained: decided on the main thread, carried out by a worker. No torch here."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import LEARNING, TrainSettings
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ClassSpec
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.settings_fields import setting
from napari_unet.widgets.viewer.preferences import RememberedChoices

BORDER_WEIGHT = 10.0  # of the U-Net paper


@dataclass(frozen=True)
class PreviewRegion:
    """A frame of a scan and a region of it; a region of a volume is one voxel thick."""

    frame: Index
    region: Slices


class PreviewRegions:
    """The regions in view, for a model of slices (2) and one of volumes (3): written by the main
    thread, read by the worker's.
    """

    def __init__(self) -> None:
        self.by_dimensions: dict[int, PreviewRegion] = {}


@dataclass(frozen=True)
class TrainOrder:
    """What to learn from, the model to start from (None: from scratch), and what the new one is to
    be.

    `resume` continues an interrupted training of that name where its checkpoint fits.
    """

    items: tuple[TrainItem, ...]
    parent: ModelEntry | None
    settings: TrainSettings
    name: str
    classes: tuple[ClassSpec, ...]
    path: Path
    preview: PreviewRegions
    resume: bool = False


class TrainChoices(TrainSettings, RememberedChoices):
    """The settings of a training, and what the dock offers in plainer words than theirs."""

    section: ClassVar[str] = "finetune"

    train_for: float = setting(
        1.0,
        "Train for",
        "Minutes from the click to the saved model; 0: until it stops improving.",
        remembered=True,
        ge=0,
        le=10_000,
    )
    separate: bool = setting(
        False,
        "Split touching objects",
        "Give the narrow gaps between touching objects more weight, so that they are kept apart.",
        remembered=True,
        row=LEARNING,
    )


def settings_for(choices: TrainChoices) -> TrainSettings:
    """The settings that the choices of the dock mean; all else is chosen by the task."""
    values = choices.model_dump(include=set(TrainSettings.model_fields))
    values["minutes"] = choices.train_for or None
    if choices.separate:
        values |= {"border_weight": BORDER_WEIGHT}
    return TrainSettings.model_validate(values)
