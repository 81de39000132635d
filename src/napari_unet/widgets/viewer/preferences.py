"""The last choices, in napari's plugin settings, which the Preferences window shows too."""

import logging
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from napari_unet.segment.settings_fields import uses_of

PLUGIN = "napari-unet-loop"
_logger = logging.getLogger(__name__)


class RememberedChoices(BaseModel):
    """Choices of a dock, those of which are remembered that are declared so; `section` is the part
    of the preferences that holds them.
    """

    section: ClassVar[str]


Choices = TypeVar("Choices", bound=RememberedChoices)


def remembered_names(choices: type[BaseModel]) -> list[str]:
    """The choices that outlast a session, by their declaration."""
    return [name for name, info in choices.model_fields.items() if uses_of(info).remembered]


def remembered(choices: type[Choices]) -> Choices:
    """The last choices; the default of each that is not remembered or can not be used."""
    settings = _settings()
    store = getattr(settings, choices.section, None)
    names = [name for name in remembered_names(choices) if hasattr(store, name)]
    values = {name: getattr(store, name) for name in names} | _formerly_named(choices, settings)
    try:
        return choices.model_validate(values)
    except ValidationError as error:
        refused = {each["loc"][0] for each in error.errors()}
        _logger.warning("Remembered choices that can not be used are left out: %s", refused)
        return choices.model_validate({n: v for n, v in values.items() if n not in refused})


def remember(choices: RememberedChoices) -> None:
    """Keep these choices; where they can not be written they last until napari is closed."""
    store = getattr(_settings(), choices.section, None)
    for name in remembered_names(type(choices)):
        value = getattr(choices, name)
        if hasattr(store, name) and getattr(store, name) != value:
            _keep(store, name, value)


def _keep(store: Any, name: str, value: Any) -> None:
    try:
        setattr(store, name, value)
    except OSError as error:
        _logger.warning("The choice of %s can not be saved: %s", name, error)


def _formerly_named(choices: type[RememberedChoices], settings: Any) -> dict[str, Any]:
    """What the file of the preferences holds under former names of choices only: napari itself
    passes over names that the manifest does not know.
    """
    held = _in_file(settings).get(choices.section)
    if not isinstance(held, dict):
        return {}
    former = {
        name: uses_of(choices.model_fields[name]).former_name for name in remembered_names(choices)
    }
    return {new: held[old] for new, old in former.items() if old in held and new not in held}


def _in_file(settings: Any) -> dict[str, Any]:
    path = getattr(settings, "config_path", None)
    if path is None or not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        _logger.warning("The preferences can not be read: %s", error)
        return {}
    return found if isinstance(found, dict) else {}


def _settings() -> Any:
    """Napari's plugin settings; None where the plugin is not registered or its file is no settings
    file.
    """
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(PLUGIN)
    except (KeyError, AttributeError):
        return None
    except (OSError, AssertionError, ValueError) as error:
        _logger.warning("The preferences can not be read; the defaults are used: %s", error)
        return None
