"""Signals when the viewer's image layers, or its labels layers, come, go or change."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.widgets.viewer.layer_facts import image_layers, layer_facts_of, layer_key
from napari_unet.widgets.viewer.learnable_labels import (
    all_labels_layers,
    labels_facts_of,
    labels_layers,
)

WATCHED = ("name", "scale", "units", "axis_labels", "data")


@dataclass(frozen=True)
class Watched:
    """Which layers of a viewer are offered (`pick`), the facts of each, and the events of which
    layers (`listen_to`) may change them.
    """

    pick: Callable[[Any], list[Any]]
    facts: Callable[[Any], Any]
    listen_to: Callable[[Any], list[Any]]
    events: tuple[str, ...] = WATCHED


IMAGES = Watched(image_layers, layer_facts_of, image_layers)
LABELS = Watched(
    labels_layers, labels_facts_of, all_labels_layers, (*WATCHED, "features", "visible", "editable")
)


class LayerWatch(QObject):
    """Emits `changed` with the facts of every such layer, once after any number of changes."""

    changed = Signal(object)

    def __init__(self, viewer: Any, watched: Watched = IMAGES) -> None:
        super().__init__()
        self._watched = watched
        self._viewer = weakref.ref(viewer)
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timer_timeout)
        for event in (
            viewer.layers.events.inserted,
            viewer.layers.events.removed,
            viewer.layers.events.reordered,
        ):
            event.connect(self._on_layers_changed)
        self._connect_new(viewer)

    def facts(self) -> list[Any]:
        """The facts of every such layer now."""
        viewer = self._viewer()
        if viewer is None:
            return []
        return [self._watched.facts(layer) for layer in self._watched.pick(viewer)]

    def layers(self, keys: tuple[int, ...]) -> list[Any]:
        """The layers behind these keys; those that are gone are left out."""
        viewer = self._viewer()
        if viewer is None:
            return []
        known = {layer_key(layer): layer for layer in self._watched.pick(viewer)}
        return [known[key] for key in keys if key in known]

    def _connect_new(self, viewer: Any) -> None:
        for layer in self._watched.listen_to(viewer):
            if layer not in self._seen:
                self._seen.add(layer)
                for name in self._watched.events:
                    getattr(layer.events, name).connect(self._on_layers_changed)

    def _on_layers_changed(self) -> None:
        self._timer.start(0)  # once for all changes of this turn of the event loop

    def _on_timer_timeout(self) -> None:
        if (viewer := self._viewer()) is not None:
            self._connect_new(viewer)
        self.changed.emit(self.facts())
