"""Connects the class editor with the labels: which classes there are, and their names and colours
in the layers.
"""

from collections.abc import Sequence

from qtpy.QtCore import QObject

from napari_unet.model.library import ModelEntry
from napari_unet.widgets.fields.values import LabelsFacts
from napari_unet.widgets.finetune.fields.class_editor import ClassEditor, joined
from napari_unet.widgets.finetune.review import ReviewCoordinator
from napari_unet.widgets.painting.grey_levels import GreyLevels
from napari_unet.widgets.viewer.class_colours import show_classes


class ClassCoordinator(QObject):
    """Shows the classes of a model and of labels, and gives the labels those that are added or
    renamed.
    """

    def __init__(self, editor: ClassEditor, review: ReviewCoordinator) -> None:
        super().__init__(editor)
        self._editor = editor
        self._review = review
        editor.edited.connect(self._on_edited)
        editor.class_added.connect(self._on_class_added)

    def show_known(self, parent: ModelEntry | None, labels: Sequence[LabelsFacts]) -> None:
        """The classes of the model to start from, and what the labels bring beyond them."""
        header = parent.header if parent is not None else None
        known = header.spec.classes if header is not None else ()
        found = GreyLevels(self._review.trusts).labels()
        classes = joined(known, [facts.classes for facts in labels], found)
        self._editor.set_value(classes, len(known) or 1)
        self._review.set_names([item.name for item in self._editor.value()])

    def _on_class_added(self) -> None:
        self._show(len(self._editor.value()) - 1)

    def _on_edited(self) -> None:
        if not self._editor.problem():
            self._show()

    def _show(self, selected: int | None = None) -> None:
        """Give the classes to the labels of all pairs; `selected` is painted next in the current
        ones.
        """
        current = self._review.current()
        for layer in self._review.layers:
            show_classes(layer, self._editor.value(), selected if layer is current else None)
