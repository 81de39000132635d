"""Offers strokes that were lost in a crash, for every image that is open, one after the other."""

import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.finetune.fields.review_bar import ReviewBar
from napari_unet.widgets.finetune.plan import FinetunePlan
from napari_unet.widgets.painting.recovery import Offer, Recovery, default_choices

MORE = "{} {} more can be offered after that."


class RecoveryCoordinator(QObject):
    """Searches lost strokes once for each image, and offers what is found in the review bar;
    `message` has a sentence and its kind. Strokes that could not be read are told by `Recovery`.
    """

    message = Signal(str, str)

    def __init__(self, viewer: Any, bar: ReviewBar, plan: FinetunePlan) -> None:
        super().__init__(bar)
        self._viewer = weakref.ref(viewer)
        self._bar = bar
        self._plan = plan
        self._searched: dict[tuple[tuple[int, ...], int], Recovery] = {}
        self._offers: list[Offer] = []
        bar.restore_requested.connect(self._on_restore_requested)
        bar.decline_requested.connect(self._on_decline_requested)
        bar.delete_requested.connect(self._on_delete_requested)

    def search(self, chosen: Sequence[InputChoice]) -> None:
        """Search strokes of these images, and of all others that are open."""
        viewer = self._viewer()
        if viewer is None:
            return
        known = {key for choice in chosen for key in choice.layers}
        others = [one for one in default_choices(viewer) if one.layers[0] not in known]
        for choice in (*chosen, *others):
            with suppress(NapariUNetError):  # what does not fit is said where the image is chosen
                self._search(viewer, choice)

    def _search(self, viewer: Any, choice: InputChoice) -> None:
        images = self._plan.image_layers(choice)
        key = (choice.layers, choice.colours)
        if not images or key in self._searched:
            return
        recovery = Recovery(viewer, images, choice)
        recovery.found.connect(self._on_found)
        recovery.restored.connect(self._on_restored)
        recovery.failed.connect(self._on_failed)
        recovery.search()
        self._searched[key] = recovery

    def _show(self) -> None:
        first = self._offers[:1]
        rest = len(self._offers) - 1
        text = first[0].sentence if first else ""
        self._bar.set_offer(MORE.format(text, rest) if rest > 0 else text)

    def _on_found(self, offers: list[Offer]) -> None:
        known = {offer.entry.path for offer in self._offers}
        self._offers += [offer for offer in offers if offer.entry.path not in known]
        self._show()

    def _on_restore_requested(self) -> None:
        if self._offers:
            offer = self._offers.pop(0)
            self._show()
            offer.recovery.restore(offer)

    def _on_decline_requested(self) -> None:
        self._offers = self._offers[1:]
        self._show()

    def _on_delete_requested(self) -> None:
        self._offers = []
        self._show()

    def _on_restored(self, layer: Any) -> None:
        self.message.emit(f"Brought back as the layer {layer.name}.", "done")

    def _on_failed(self, sentence: str) -> None:
        self.message.emit(sentence, "problem")
