"""What a new model starts from: a model of the library, any file, or nothing."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_unet.model.library import ModelEntry
from napari_unet.widgets.fields.model_picker import ModelPicker

SCRATCH_NAME = "Nothing: a new model"
SCRATCH_TEXT = (
    "A new network, planned after your images. It needs more labels and more time than a model "
    "that knows something already."
)
TIP = (
    "The model that learns from your corrections; it is copied, never changed. At first it is the "
    "one that made the labels."
)
SCRATCH = ModelEntry(SCRATCH_NAME, Path(SCRATCH_NAME), True, None, SCRATCH_TEXT)


class ParentPicker(ModelPicker):
    """Edits the choice of one `ModelEntry`; the last is `SCRATCH`, to start from nothing."""

    _by_hand = False
    _made_by = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, "Start from", TIP, brief=True)

    def set_entries(self, entries: Sequence[ModelEntry]) -> None:
        """Offer these models, then to start from nothing."""
        known = [entry for entry in entries if entry is not SCRATCH]
        if self.from_scratch() and not self._by_hand:
            self._chosen = ""
        super().set_entries([*known, SCRATCH])
        if self.value() is None:
            self._choose(SCRATCH)

    def set_parent(self, weights_sha256: str) -> None:
        """Choose the model with these weights, which made the labels; once, and not where the user
        has chosen another.
        """
        if self._by_hand or weights_sha256 in ("", self._made_by):
            return
        for entry in self.entries():
            if entry.header is not None and entry.header.weights_sha256 == weights_sha256:
                self._made_by = weights_sha256
                self._choose(entry)
                return

    def from_scratch(self) -> bool:
        """Whether nothing is started from."""
        return self.value() is SCRATCH

    def _on_combo_activated(self, index: int) -> None:
        # before the signal is sent: who receives it may set the parent of the labels again
        self._by_hand = True
        super()._on_combo_activated(index)
