"""What is to be trained: decided on the main thread, carried out by a worker. No torch here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import LEARNING, TrainSettings
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ClassSpec
from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.settings_fields import setting

BORDER_WEIGHT = 10.0  # of the U-Net paper
NO_GUARD: dict[str, Any] = {"guard_weights": 0.0, "guard_outputs": 0.0}


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


class TrainChoices(TrainSettings):
    """The settings of a training, and what the dock offers in plainer words than theirs."""

    keep_known: bool = setting(
        True,
        "Keep what it knows",
        "Hold on to what the old model knows where nothing was corrected, so that it does not get "
        "worse on other images.",
        row=LEARNING,
    )
    separate: bool = setting(
        False,
        "Split touching objects",
        "Give the narrow gaps between touching objects more weight, so that they are kept apart.",
        row=LEARNING,
    )


def settings_for(minutes: float | None, choices: TrainChoices) -> TrainSettings:
    """The settings that the choices of the dock mean; all else is chosen by the task."""
    values = choices.model_dump(include=set(TrainSettings.model_fields)) | {"minutes": minutes}
    if not choices.keep_known:
        values |= NO_GUARD
    if choices.separate:
        values |= {"border_weight": BORDER_WEIGHT}
    return TrainSettings.model_validate(values)
