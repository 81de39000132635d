"""What is to be trained, decided on the main thread and carried out in a worker's. No torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.fields.values import TrainOptions
from napari_unet.widgets.finetune.preview_job import PreviewPlaces


@dataclass(frozen=True)
class TrainOrder:
    """Items to learn from, the model to begin with (None: from scratch), and what the new one is to
    be.

    `resume` goes on with an interrupted training of the same name, where that is of the same.
    """

    items: tuple[TrainItem, ...]
    parent: ModelEntry | None
    settings: TrainSettings
    name: str
    classes: tuple[ClassSpec, ...]
    path: Path
    places: PreviewPlaces
    resume: bool = False


def settings_for(minutes: float | None, options: TrainOptions) -> TrainSettings:
    """The settings that the choices of the dock mean; all else is chosen by the task."""
    own: dict[str, Any] = {} if options.remember else {"guard_weights": 0.0, "guard_outputs": 0.0}
    if options.separate:
        own["border_weight"] = BORDER_WEIGHT
    return TrainSettings(minutes=minutes, device=options.device, seed=options.seed, **own)


BORDER_WEIGHT = 10.0  # of the U-Net paper
