"""The trust of a layer as a layer above it: painting there gives trust without a change of labels,
erasing takes it back.
"""

import weakref
from collections import deque
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer

from napari_unet.learn.data.corrections import PAINTED, REVIEWED, UNTRUSTED
from napari_unet.widgets.arrays.block_grid import Box
from napari_unet.widgets.arrays.trust_map import MOST_UNDO
from napari_unet.widgets.jobs.redraw import Redraw
from napari_unet.widgets.painting.tool_hooks import ToolListener, Tools
from napari_unet.widgets.painting.tracked_layers import track
from napari_unet.widgets.painting.trust import Trust
from napari_unet.widgets.viewer.computed import computed_mask
from napari_unet.widgets.viewer.layer_facts import own_facts
from napari_unet.widgets.viewer.layer_list import (
    add_layer,
    follow_removals,
    is_open,
    remove_in_turn,
    select,
)
from napari_unet.widgets.viewer.learnable_labels import all_labels_layers
from napari_unet.widgets.viewer.own_layers import TRUST, trust_layer


class TrustOverlay(QObject, ToolListener):
    """Keeps one overlay and the trust that it shows in step; holds both weakly."""

    def __init__(self, viewer: Any, overlay: Labels, trust: Trust) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._overlay = weakref.ref(overlay)
        self._trust = weakref.ref(trust)
        self._boxes: list[Box] = []
        self._undo: deque[list[Box]] = deque(maxlen=MOST_UNDO)
        self._redo: deque[list[Box]] = deque(maxlen=MOST_UNDO)
        self._redraw = Redraw(self._draw)
        self._tools = Tools(overlay, self)
        trust.touched.connect(self._on_trust_touched)
        trust.replaced.connect(self._on_trust_replaced)
        overlay.events.selected_label.connect(self._on_label_selected)
        follow_removals(viewer, self._on_layer_removed)

    def went_over(self, box: Box, mask: np.ndarray, label: int | None = None) -> None:
        """Trust has been painted or erased; of what was never computed it is taken back at once."""
        trust = self._trust()
        layer = trust.layer if trust is not None else None
        if trust is None or layer is None:
            return
        part = trust.map.trust[box]  # the overlay's own array, in which napari has just painted
        part[mask & (part > REVIEWED)] = PAINTED
        if label and (known := computed_mask(layer, box)) is not None:
            part[mask & ~known] = UNTRUSTED
        self._boxes.append(box)
        trust.painted_over(box)

    def end_gesture(self, undoable: bool) -> None:
        """See `ToolListener`."""
        if undoable:
            self._undo.append(self._boxes)
            self._redo.clear()
        self._boxes = []

    def abandon_gesture(self) -> None:
        """See `ToolListener`."""
        self._pass_on(self._boxes)
        self._boxes = []

    def undone(self) -> None:
        """See `ToolListener`."""
        self._step(self._undo, self._redo)

    def redone(self) -> None:
        """See `ToolListener`."""
        self._step(self._redo, self._undo)

    def changed_somewhere(self, box: Box | None) -> None:
        """See `ToolListener`; the event comes before the change, so it is passed on later."""
        if box is not None:
            mine = weakref.ref(self)
            QTimer.singleShot(0, lambda: _pass_on_later(mine, box))

    def _step(self, taken: deque[list[Box]], given: deque[list[Box]]) -> None:
        boxes = taken.pop() if taken else []
        given.append(boxes)
        self._pass_on(boxes)

    def _pass_on(self, boxes: list[Box]) -> None:
        """Let the trust count these boxes again, and save them."""
        if (trust := self._trust()) is not None:
            for box in boxes:
                trust.painted_over(box)

    def _on_trust_touched(self, box: Box) -> None:
        overlay = self._overlay()
        if overlay is not None and overlay.visible:
            overlay._accumulate_updated_slice(box)  # napari redraws the boxes gathered so far
            self._redraw.request()

    def _draw(self) -> None:
        overlay = self._overlay()
        if overlay is not None and is_open(self._viewer()):
            overlay._partial_labels_refresh()

    def _on_trust_replaced(self) -> None:
        trust = self._trust()
        overlay = self._overlay()
        if trust is not None and overlay is not None:
            overlay.data = trust.map.trust

    def _on_label_selected(self) -> None:
        """Keep the label to painted or reviewed: there is no other trust."""
        overlay = self._overlay()
        if overlay is not None and overlay.selected_label > REVIEWED:
            overlay.selected_label = REVIEWED

    def _on_layer_removed(self, event: Any) -> None:
        trust = self._trust()
        overlay = self._overlay()
        if trust is not None and event.value is trust.layer:
            self._redraw.stop()
            remove_in_turn(self._viewer(), [overlay])


_overlays: "weakref.WeakKeyDictionary[Labels, TrustOverlay]" = weakref.WeakKeyDictionary()


def show_overlay(viewer: Any, layer: Labels, visible: bool = True) -> Labels:
    """Show (or hide) the trust of a layer as a layer above it, which is made at the first time."""
    overlay = overlay_of(viewer, layer)
    if overlay is None:
        trust = track(layer)
        overlay = trust_layer(layer, trust.map.trust)
        add_layer(viewer, overlay)
        _overlays[overlay] = TrustOverlay(viewer, overlay, trust)
        # only now, since who follows the selection shows whether there is an overlay
        select(viewer, layer)
    overlay.visible = visible
    return overlay


def overlay_of(viewer: Any, layer: Labels) -> Labels | None:
    """The overlay of a layer, if there is one in the viewer."""
    overlays = (item for item in all_labels_layers(viewer) if item in _overlays)
    return next((item for item in overlays if corrected_layer(item) is layer), None)


def corrected_layer(layer: Any) -> Labels | None:
    """The Labels layer that is corrected: the layer itself, or the one whose trust this overlay
    shows; None for any other.
    """
    if not isinstance(layer, Labels):
        return None
    if layer in _overlays:
        trust = _overlays[layer]._trust()
        return trust.layer if trust is not None else None
    return None if own_facts(layer).get("kind") == TRUST else layer


def _pass_on_later(overlay: "weakref.ref[TrustOverlay]", box: Box) -> None:
    if (mine := overlay()) is not None:
        mine._pass_on([box])
