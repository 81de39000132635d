"""The last choices, kept in napari's plugin settings, where the Preferences window shows them too."""

import logging
from dataclasses import asdict, dataclass, fields
from typing import Any

PLUGIN = "napari-unet-loop"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choices:
    """What is remembered from one session to the next."""

    model: str = "nuclei-2d"
    device: str = "auto"
    match_pixel_size: bool = True
    current_slice_only: bool = False
    region_in_view_only: bool = False
    keep_probabilities: bool = False
    engine: str = "auto"
    keep_in: str = ""


def remembered() -> Choices:
    """The last choices; the defaults where nothing is remembered or it can not be read."""
    store = _store()
    if store is None:
        return Choices()
    return Choices(**{field.name: getattr(store, field.name) for field in fields(Choices)})


def remember(choices: Choices) -> None:
    """Keep these choices; where they can not be written they last until napari is closed."""
    if (store := _store()) is None:
        return
    for name, value in asdict(choices).items():
        if getattr(store, name) != value:
            _keep(store, name, value)


def _keep(store: Any, name: str, value: Any) -> None:
    try:
        setattr(store, name, value)
    except OSError as error:
        _logger.warning("The choice of %s can not be kept: %s", name, error)


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
