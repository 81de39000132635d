"""The colours of napari's window, for what draws itself."""

from collections.abc import Callable
from typing import Any

from napari.utils.theme import get_theme

from napari_unet.widgets.fields.values import Colours
from napari_unet.words import hex_colour


def theme_colours(viewer: Any) -> Colours:
    """The colours of background and text in the viewer's theme."""
    theme = get_theme(str(viewer.theme))
    shades = [colour.as_rgb_tuple(alpha=False) for colour in (theme.background, theme.text)]
    return Colours(*(hex_colour([part / 255 for part in shade]) for shade in shades))


def follow_theme(viewer: Any, slot: Callable[[], None]) -> None:
    """Call a method when the viewer's theme changes; its object is held weakly."""
    viewer.events.theme.connect(slot)
