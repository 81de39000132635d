"""The settings of one training, completed step by step with what its arguments, its checkpoint, its
data and its device decide.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_unet.devices import Device
from napari_unet.errors import SettingsError
from napari_unet.learn.data.amounts import trusted_voxels
from napari_unet.learn.forgetting.seen_images import with_needed_guard
from napari_unet.learn.optimise.checkpoint_file import patches_of
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.choose_network import with_patches
from napari_unet.learn.setup.orientation import with_orientation
from napari_unet.learn.setup.prepare import Prepared


def settings_with(
    settings: TrainSettings | None, minutes: float | None, steps: int | None
) -> TrainSettings:
    """The settings, with another budget where one is given."""
    settings = settings or TrainSettings()
    if minutes is None and steps is None:
        return settings
    # a plan belongs to the budget that it was made for
    plan = dict.fromkeys(("planned_steps", "fall_from", "renewed_plans", "threads"))
    budget = plan | {"minutes": minutes, "steps": steps}
    try:
        return TrainSettings.model_validate(settings.model_dump() | budget)
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"{name}: " for name in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{field}{problem}; got {minutes=}, {steps=}.") from error


def with_patches_of_checkpoint(settings: TrainSettings, checkpoint: Path | None) -> TrainSettings:
    """The settings with batch and patch of the training that is resumed, where none were given:
    another machine would choose others.
    """
    begun = {} if checkpoint is None else patches_of(checkpoint)
    missing = {name: value for name, value in begun.items() if getattr(settings, name) is None}
    try:
        return TrainSettings.model_validate(settings.model_dump() | missing)
    except ValidationError:
        return settings  # the checkpoint is damaged, and refused when all of it is read


def completed_settings(
    settings: TrainSettings, prepared: Prepared, device: Device
) -> TrainSettings:
    """The settings with the turn, the patches, the orientation and the guard that fit the data,
    where none were given.
    """
    parent: Mapping[str, Any] = {}
    if prepared.parent is not None:
        parent = prepared.parent.spec.provenance.training
    items = prepared.items
    dimensions = prepared.spec.architecture.dimensions
    settings = settings.model_copy(update={"held_out_turn": prepared.turn})
    settings = with_patches(settings, items, prepared.spec, device)
    settings = with_orientation(settings, items, dimensions, parent)
    return with_needed_guard(settings, items, trusted_voxels(items), parent)
