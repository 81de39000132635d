"""Connects the review bar with the labels: what is followed, what is right, and the overlay."""

import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.learn.journal.folder import delete_history
from napari_unet.widgets.fields.values import PairChoice
from napari_unet.widgets.finetune.fields.review_bar import ReviewBar
from napari_unet.widgets.finetune.plan import FinetunePlan
from napari_unet.widgets.painting.correcting import correct
from napari_unet.widgets.painting.overlay import corrected_layer, overlay_of, show_overlay
from napari_unet.widgets.painting.region_tool import RegionTool
from napari_unet.widgets.painting.review import layer_is_right, slice_is_right
from napari_unet.widgets.painting.trust import Trust
from napari_unet.widgets.viewer.layer_list import follow_selection, selected_layer
from napari_unet.words import plural

if TYPE_CHECKING:
    from napari.layers import Labels

SAVED_AGAIN = "Strokes are saved again, all of them."
DELETED = "{} of saved strokes deleted. What is on the labels now stays."


class ReviewCoordinator(QObject):
    """Follows the labels of the chosen pairs, and carries out what the bar requests.

    Signals: `changed` when there is more or less trust, `message` with a sentence and its kind.
    """

    changed = Signal()
    message = Signal(str, str)

    def __init__(self, viewer: Any, bar: ReviewBar, plan: FinetunePlan) -> None:
        super().__init__(bar)
        self._viewer = weakref.ref(viewer)
        self._bar = bar
        self._plan = plan
        self._layers: list[weakref.ref[Labels]] = []
        self._followed: weakref.WeakSet[Trust] = weakref.WeakSet()
        self._trusts: list[Trust] = []
        self._names: list[str] = []
        self._connect(viewer)

    @property
    def trusts(self) -> list[Trust]:
        """The trust of each pair's labels, but for those that can not be followed."""
        return self._trusts

    @property
    def layers(self) -> "list[Labels]":
        """The labels layers that are followed."""
        return [layer for ref in self._layers if (layer := ref()) is not None]

    def set_pairs(self, pairs: Sequence[PairChoice]) -> str:
        """Follow the labels of these pairs; returns why one can not be followed, in a sentence."""
        self._layers = []
        self._trusts = []
        problem = ""
        for pair in pairs:
            try:
                self._follow(pair)
            except NapariUNetError as error:
                problem = str(error)
        self._show()
        return problem

    def set_names(self, names: Sequence[str]) -> None:
        """Name the classes in the summary, by label."""
        if list(names) != self._names:
            self._names = list(names)
            self._bar.set_summary(self._summary())

    def current(self) -> "Labels | None":
        """The labels that the buttons act on: those selected in the viewer, else the first ones."""
        viewer = self._viewer()
        layers = self.layers
        chosen = corrected_layer(selected_layer(viewer)) if viewer is not None else None
        if chosen in layers:
            return chosen
        return layers[0] if layers else None

    def _follow(self, pair: PairChoice) -> None:
        layer = self._plan.labels_layer(pair)
        images = self._plan.image_layers(pair.image)
        if layer is None or not images:
            return
        trust = correct(layer, images, pair.image)
        self._layers.append(weakref.ref(layer))
        self._trusts.append(trust)
        if trust not in self._followed:
            self._followed.add(trust)
            trust.changed.connect(self._on_trust_changed)
            trust.replaced.connect(self._on_trust_changed)
            trust.troubled.connect(self._on_troubled)

    def _connect(self, viewer: Any) -> None:
        bar = self._bar
        bar.slice_requested.connect(self._on_slice_requested)
        bar.region_requested.connect(self._on_region_requested)
        bar.whole_requested.connect(self._on_whole_requested)
        bar.overlay_toggled.connect(self._on_overlay_toggled)
        bar.delete_requested.connect(self._on_delete_requested)
        follow_selection(viewer, self._on_selection_changed)

    def _show(self) -> None:
        layer = self.current()
        self._bar.set_active(layer is not None, layer is not None and layer.ndim > 2)
        self._bar.set_summary(self._summary())
        viewer = self._viewer()
        overlay = overlay_of(viewer, layer) if layer is not None and viewer is not None else None
        self._bar.set_overlay(overlay is not None and overlay.visible)

    def _summary(self) -> str:
        """How much is trusted, and why strokes can not be saved, as long as that is so."""
        troubles = dict.fromkeys(trust.trouble for trust in self._trusts if trust.trouble)
        return "\n".join(filter(None, [self._amounts(), *troubles]))

    def _amounts(self) -> str:
        lines = [trust.summary(self._names) for trust in self._trusts]
        if len(lines) == 1:
            return lines[0]
        names = [layer.name if (layer := ref()) is not None else "" for ref in self._layers]
        return "\n".join(f"{name}: {line}" for name, line in zip(names, lines, strict=True))

    def _do(self, act: "Callable[[Any, Labels], str]") -> None:
        """Carry out an action on the current labels, and send the sentence that it returns."""
        viewer = self._viewer()
        layer = self.current()
        if viewer is None or layer is None:
            return
        try:
            if sentence := act(viewer, layer):
                self.message.emit(sentence, "done")
        except NapariUNetError as error:
            self.message.emit(str(error), "problem")

    def _on_trust_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _on_selection_changed(self) -> None:
        with suppress(RuntimeError):  # the dock has been closed
            self._show()

    def _on_slice_requested(self) -> None:
        self._do(slice_is_right)

    def _on_region_requested(self) -> None:
        self._do(self._draw)

    def _on_whole_requested(self) -> None:
        self._do(lambda _, layer: layer_is_right(layer))

    def _on_overlay_toggled(self, shown: bool) -> None:
        self._do(lambda viewer, layer: _overlay(viewer, layer, shown))

    def _on_delete_requested(self) -> None:
        count = delete_history()
        self.message.emit(DELETED.format(plural(count, "file")), "info")

    def _draw(self, viewer: Any, layer: "Labels") -> str:
        tool = RegionTool(viewer, layer)
        tool.done.connect(self._on_region_done)
        tool.refused.connect(self._on_refused)
        self.message.emit("Draw a box around what is right.", "info")
        return ""

    def _on_region_done(self, sentence: str) -> None:
        self.message.emit(sentence, "done")

    def _on_troubled(self, sentence: str) -> None:
        self._show()
        self.message.emit(sentence or SAVED_AGAIN, "problem" if sentence else "done")

    def _on_refused(self, sentence: str) -> None:
        self.message.emit(sentence, "problem")


def _overlay(viewer: Any, layer: "Labels", shown: bool) -> str:
    show_overlay(viewer, layer, shown)
    return ""
