"""The last choices, in napari's plugin settings, which the Preferences window shows too."""

import logging
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from napari_unet.segment.settings_fields import uses_of

PLUGIN = "napari-unet-loop"
_logger = logging.getLogger(__name__)

Choices = TypeVar("Choices", bound=BaseModel)


def remembered_names(choices: type[BaseModel]) -> list[str]:
    """The choices that outlast a session, by their declaration."""
    return [name for name, info in choices.model_fields.items() if uses_of(info).remembered]


def remembered(choices: type[Choices]) -> Choices:
    """The last choices; the default of each that is not remembered or can not be used."""
    store = _store()
    names = [name for name in remembered_names(choices) if hasattr(store, name)]
    values = {name: getattr(store, name) for name in names}
    try:
        return choices.model_validate(values)
    except ValidationError as error:
        refused = {each["loc"][0] for each in error.errors()}
        _logger.warning("Remembered choices that can not be used are left out: %s", refused)
        return choices.model_validate({n: v for n, v in values.items() if n not in refused})


def remember(choices: BaseModel) -> None:
    """Keep these choices; where they can not be written they last until napari is closed."""
    store = _store()
    for name in remembered_names(type(choices)):
        value = getattr(choices, name)
        if hasattr(store, name) and getattr(store, name) != value:
            _keep(store, name, value)


def _keep(store: Any, name: str, value: Any) -> None:
    try:
        setattr(store, name, value)
    except OSError as error:
        _logger.warning("The choice of %s can not be saved: %s", name, error)


def _store() -> Any:
    """The section of napari's plugin settings; None where the plugin is not registered or its file
    is no settings file.
    """
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(PLUGIN).segment
    except (KeyError, AttributeError):
        return None
    except (OSError, AssertionError, ValueError) as error:
        _logger.warning("The preferences can not be read; the defaults are used: %s", error)
        return None
