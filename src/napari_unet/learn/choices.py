"""The settings of a training, put together from what is given in several places."""

from pathlib import Path

from pydantic import ValidationError

from napari_unet.errors import SettingsError
from napari_unet.learn.checkpoint import patches_of
from napari_unet.learn.settings import TrainSettings


def settings_with(settings: TrainSettings | None, minutes: float | None, steps: int | None) -> TrainSettings:
    """The settings, with another budget where one is given."""
    settings = settings or TrainSettings()
    if minutes is None and steps is None:
        return settings
    try:
        return TrainSettings.model_validate(
            settings.model_dump() | {"planned_steps": None, "fall_from": None, "minutes": minutes, "steps": steps}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{name}: " for name in first["loc"])
        raise SettingsError(f"{place}{first['msg'].removeprefix('Value error, ')}; got {minutes=}, {steps=}.") from error


def as_begun(settings: TrainSettings, checkpoint: Path | None) -> TrainSettings:
    """The settings with batch and patch of the training that is gone on with, where none were given."""
    told = {} if checkpoint is None else patches_of(checkpoint)
    known = {name: value for name, value in told.items() if getattr(settings, name) is None}
    try:
        return TrainSettings.model_validate(settings.model_dump() | known)
    except ValidationError:
        return settings  # the checkpoint is damaged, and refused when all of it is read
