"""The result in the viewer: a new Labels layer that grows, and the hatching over what is not
computed.
"""

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import ScanError
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.jobs.redraw import Redraw
from napari_unet.widgets.painting.correcting import follow_result
from napari_unet.widgets.painting.tracked_layers import copy_corrections, set_growing
from napari_unet.widgets.viewer.class_colours import label_keywords
from napari_unet.widgets.viewer.layer_facts import note_facts
from napari_unet.widgets.viewer.layer_list import (
    add_layer,
    follow_removals,
    in_viewer,
    remove_in_turn,
)
from napari_unet.widgets.viewer.own_layers import (
    not_computed_layer,
    probability_layers,
    result_layer,
)

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer


class ResultLayer(QObject):
    """The layers of one result; survives that the user renames or deletes them, or closes the
    viewer.
    """

    gone = Signal()

    _of_layers: ClassVar["weakref.WeakKeyDictionary[Labels, ResultLayer]"] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(
        self,
        viewer: Any,
        arrays: ResultArrays,
        keywords: dict[str, Any],
        name: str,
    ) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._arrays = arrays
        facts = {"complete": False, "done_map": arrays.done.done}
        shown = label_keywords(arrays.task.label_facts())
        labels = result_layer(arrays.labels, name, facts, {**shown, **keywords})
        labels.editable = False  # a tile would cover what is painted during the run
        set_growing(labels, True)
        # until there is something to see: drawing a large layer takes napari a second
        labels.visible = False
        self._shown = False
        add_layer(viewer, labels)
        self._labels = weakref.ref(labels)
        self._probabilities = self._add_probabilities(viewer, keywords, labels.name)
        self._hatching: Callable[[], Image | None] = _nothing
        self._older: Callable[[], Labels | None] = _nothing
        self._keywords = keywords
        self._redraw = Redraw(self.refresh)
        self._of_layers[labels] = self
        follow_removals(viewer, self._on_layer_removed)
        labels.events.visible.connect(self._on_labels_visible)

    def add_hatching(self) -> None:
        """Cover what is not computed; on its own, since adding a layer takes napari a while."""
        viewer = self._viewer()
        labels = self.labels
        if viewer is None or labels is None:
            return
        hatching = not_computed_layer(self._arrays.done, self._keywords, labels.name)
        add_layer(viewer, hatching, selected=labels)
        self._hatching = weakref.ref(hatching)
        hatching.visible = labels.visible or not self._shown

    @property
    def labels(self) -> "Labels | None":
        """The Labels layer while it is in the viewer."""
        return self._in_viewer(self._labels())

    @property
    def arrays(self) -> ResultArrays:
        """The arrays behind the layers."""
        return self._arrays

    def show_changes(self) -> None:
        """Show soon what has been written into the arrays."""
        self._redraw.request()

    def refresh(self) -> None:
        """Show now what has been written into the arrays."""
        self._show()
        for layer in (self._labels(), self._hatching(), *(ref() for ref in self._probabilities)):
            if self._in_viewer(layer) is not None:
                layer.refresh(extent=False, thumbnail=False, highlight=False)

    def note(self, facts: dict[str, Any]) -> None:
        """Note facts in the layer's metadata."""
        if (labels := self.labels) is not None:
            note_facts(labels, facts)

    def finish(self, facts: dict[str, Any]) -> None:
        """Note what the result is; where all of it is computed the hatching goes."""
        self._redraw.stop()
        if (labels := self.labels) is None:
            return
        self._show()
        self._take_over()
        set_growing(labels, False)
        follow_result(labels, self._arrays)
        labels.editable = True
        self.note({**facts, **self._provisional(), "complete": self._arrays.done.complete})
        if self._arrays.done.complete:
            self._remove(self._hatching())
        for layer in (labels, self._in_viewer(self._hatching())):
            if layer is not None:
                layer.refresh(extent=False)

    def _provisional(self) -> dict[str, Any]:
        """Which part, if any, is that of the small first tile, in plain values."""
        first = self._arrays.done.provisional
        if first is None:
            return {}
        parts = [part if isinstance(part, int) else [part.start, part.stop] for part in first]
        return {"provisional": parts}

    def carries_over(self, older: "Labels") -> None:
        """This result takes over what is trusted in an older one, which is hidden at the end."""
        self._older = weakref.ref(older)

    def _take_over(self) -> None:
        """Once more, since the older one may have been painted on meanwhile."""
        if (older := self._in_viewer(self._older())) is not None:
            # where labels are beyond the classes, what was taken at the beginning stays
            with suppress(ScanError):
                self._arrays.update_corrections(
                    copy_corrections(older, dtype=self._arrays.task.label_dtype)
                )
            older.visible = False

    def remove(self) -> None:
        """Take the result out of the viewer, as if it had never been there."""
        self._redraw.stop()
        self._remove(self._hatching(), *(ref() for ref in self._probabilities), self._labels())

    def _add_probabilities(self, viewer: Any, keywords: dict[str, Any], name: str) -> list[Any]:
        arrays = self._arrays
        if arrays.probabilities is None:
            return []
        layers = probability_layers(arrays.probabilities, arrays.task, keywords, name)
        for layer in layers:
            add_layer(viewer, layer)
        return [weakref.ref(layer) for layer in layers]

    def _show(self) -> None:
        """Make the labels visible, the first time; afterwards that is the
        user's choice.
        """
        shown = self._shown
        self._shown = True
        if not shown and (labels := self.labels) is not None:
            labels.visible = True

    def _in_viewer(self, layer: "Layer | None") -> Any:
        return layer if in_viewer(self._viewer(), layer) else None

    def _remove(self, *layers: "Layer | None") -> None:
        remove_in_turn(self._viewer(), layers)

    def _on_layer_removed(self, event: Any) -> None:
        if event.value is self._labels():
            self._redraw.stop()
            self._remove(self._hatching())
            self.gone.emit()

    def _on_labels_visible(self) -> None:
        labels = self.labels
        hatching = self._in_viewer(self._hatching())
        if labels is not None and hatching is not None:
            hatching.visible = labels.visible


def _nothing() -> None:
    """Stand for a layer that is not there yet."""


def result_name(source: "Image", model: str) -> str:
    """The name of a result's layer: the image's, and the model's."""
    return f"{source.name} · {model}"
