"""A viewer's list of layers: what is in it, added to it, selected, and removed with care."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QTimer

PAUSE_MS = 30


class _Queue:
    """The layers that wait to be removed, and whether the next removal is timed."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, Any]] = []
        self._timed = False

    def put(self, viewer: Any, layers: Sequence[Layer | None]) -> None:
        self._waiting.extend(
            (weakref.ref(viewer), weakref.ref(layer)) for layer in layers if layer is not None
        )
        self._time_next()

    def _time_next(self) -> None:
        if self._waiting and not self._timed:
            self._timed = True
            QTimer.singleShot(PAUSE_MS, self._remove_next)

    def _remove_next(self) -> None:
        viewer_ref, layer_ref = self._waiting.pop(0)
        viewer = viewer_ref()
        layer = layer_ref()
        try:
            if is_open(viewer) and layer is not None and layer in viewer.layers:
                viewer.layers.remove(layer)
        finally:
            self._timed = False
            self._time_next()


_queue = _Queue()


def remove_in_turn(viewer: Any, layers: Sequence[Layer | None]) -> None:
    """Remove these layers soon, those that are still there.

    The canvas has to be drawn between two removals: vispy draws from freed memory otherwise (a
    crash with software OpenGL, access violations with some drivers).
    """
    if viewer is not None:
        _queue.put(viewer, layers)


def add_layer(viewer: Any, layer: Layer, selected: Layer | None = None) -> None:
    """Add a layer to a viewer; napari selects it, unless another one is to be `selected`."""
    viewer.add_layer(layer)
    if selected is not None:
        select(viewer, selected)


def in_viewer(viewer: Any, layer: Layer | None) -> bool:
    """Whether a layer is in a viewer that is open."""
    return is_open(viewer) and layer is not None and layer in viewer.layers


def selected_layer(viewer: Any) -> Layer | None:
    """The layer that is selected in a viewer; None where there is none, or are several."""
    selected: Layer | None = viewer.layers.selection.active
    return selected


def select(viewer: Any, layer: Layer) -> None:
    """Select a layer, and nothing else."""
    viewer.layers.selection.active = layer


def follow_selection(viewer: Any, slot: Callable[[], None]) -> None:
    """Call a method when another layer is selected; its object is held weakly."""
    viewer.layers.selection.events.active.connect(slot)


def follow_removals(viewer: Any, slot: Callable[[Any], None]) -> None:
    """Call a method when a layer is removed, with an event that has the layer as its `value`; the
    method's object is held weakly.
    """
    viewer.layers.events.removed.connect(slot)


def is_open(viewer: Any) -> bool:
    """Whether there is a viewer whose window has not been closed (or that never had one)."""
    window = getattr(viewer, "window", None)
    return viewer is not None and (window is None or hasattr(window, "_qt_window"))
