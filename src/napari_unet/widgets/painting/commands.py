"""What the commands of the manifest and their key do for the labels at hand."""

import weakref
from collections.abc import Callable
from typing import Any

from napari.layers import Labels
from napari.utils.notifications import show_info, show_warning
from napari.viewer import Viewer

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.widgets.painting.overlay import corrected_layer, overlay_of, show_overlay
from napari_unet.widgets.painting.region_tool import RegionTool
from napari_unet.widgets.painting.review import layer_is_right, slice_is_right
from napari_unet.widgets.viewer.layer_facts import real_viewer

SLICE_KEY = (
    "Control-Shift-R"  # as in napari.yaml, which napari does not read keys from; Command on a Mac
)
NO_LABELS = "Select the Labels layer that you correct, and try again."


def mark_slice(viewer: Viewer) -> None:
    """This slice is right."""
    _do(viewer, lambda opened, layer: slice_is_right(opened, layer))


def mark_region(viewer: Viewer) -> None:
    """This region is right: draw it."""
    _do(viewer, _draw_region)


def mark_layer(viewer: Viewer) -> None:
    """The whole layer is right."""
    _do(viewer, lambda _, layer: layer_is_right(layer))


def toggle_trust(viewer: Viewer) -> None:
    """Show or hide what is trusted."""
    _do(viewer, _toggle)


def bind_keys(viewer: Any) -> None:
    """Let the key say that the slice is right, in this viewer."""
    held = weakref.ref(real_viewer(viewer))

    def press(_: Any) -> None:
        if (opened := held()) is not None:
            mark_slice(opened)

    real_viewer(viewer).bind_key(SLICE_KEY, press, overwrite=True)


def _do(viewer: Any, act: Callable[[Any, Labels], str]) -> None:
    opened = real_viewer(viewer)
    try:
        layer = corrected_layer(opened.layers.selection.active)
        if layer is None:
            raise ScanError(NO_LABELS)
        if said := act(opened, layer):
            show_info(said)
    except NapariUNetError as error:
        show_warning(str(error))


def _draw_region(viewer: Any, layer: Labels) -> str:
    tool = RegionTool(viewer, layer)
    tool.done.connect(show_info)
    tool.refused.connect(show_warning)
    return ""


def _toggle(viewer: Any, layer: Labels) -> str:
    overlay = overlay_of(viewer, layer)
    show_overlay(viewer, layer, overlay is None or not overlay.visible)
    return ""
