"""The commands of the manifest that say what is right, and their key; for the selected labels."""

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
from napari_unet.widgets.viewer.layer_list import selected_layer
from napari_unet.words import never_html

# the same as in napari.yaml, from which napari does not read keys; Command on a Mac
SLICE_KEY = "Control-Shift-R"
NO_LABELS = "Select the Labels layer that you correct, and try again."


def mark_slice(viewer: Viewer) -> None:
    """Trust the slice that is shown."""
    _do(viewer, slice_is_right)


def mark_region(viewer: Viewer) -> None:
    """Let the user draw a region, and trust it."""
    _do(viewer, _draw_region)


def mark_layer(viewer: Viewer) -> None:
    """Trust the whole layer."""
    _do(viewer, lambda _, layer: layer_is_right(layer))


def toggle_trust(viewer: Viewer) -> None:
    """Show the layer of trust, or hide it."""
    _do(viewer, _toggle)


def bind_keys(viewer: Any) -> None:
    """Bind the key that trusts the slice that is shown, in this viewer."""
    # napari's key map outlives a closed viewer
    held = weakref.ref(real_viewer(viewer))

    def press(_: Any) -> None:
        if (open_viewer := held()) is not None:
            mark_slice(open_viewer)

    real_viewer(viewer).bind_key(SLICE_KEY, press, overwrite=True)


def _do(viewer: Any, act: Callable[[Any, Labels], str]) -> None:
    """Carry out an action on the selected labels, and show the sentence that it returns."""
    real = real_viewer(viewer)
    try:
        layer = corrected_layer(selected_layer(real))
        if layer is None:
            raise ScanError(NO_LABELS)
        if sentence := act(real, layer):
            show_info(never_html(sentence))
    except NapariUNetError as error:
        show_warning(never_html(str(error)))


def _draw_region(viewer: Any, layer: Labels) -> str:
    tool = RegionTool(viewer, layer)
    tool.done.connect(lambda sentence: show_info(never_html(sentence)))
    tool.refused.connect(lambda sentence: show_warning(never_html(sentence)))
    return ""


def _toggle(viewer: Any, layer: Labels) -> str:
    overlay = overlay_of(viewer, layer)
    show_overlay(viewer, layer, overlay is None or not overlay.visible)
    return ""
