"""The colours of napari's window, for what draws itself."""

from typing import Any

from napari.utils.theme import get_theme

from napari_unet.widgets.fields.values import Colours


def theme_colours(viewer: Any) -> Colours:
    """The theme's background and text."""
    theme = get_theme(str(viewer.theme))
    return Colours(_hex(theme.background), _hex(theme.text))


def _hex(colour: Any) -> str:
    red, green, blue = colour.as_rgb_tuple(alpha=False)
    return f"#{red:02x}{green:02x}{blue:02x}"
