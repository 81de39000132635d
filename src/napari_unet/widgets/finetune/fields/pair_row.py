"""One pair to learn from: an image, and the labels that were painted on it."""

from collections.abc import Collection, Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_unet.model.spec import ModelSpec
from napari_unet.widgets.fields.input_picker import InputPicker
from napari_unet.widgets.fields.rows import (
    ROW_SPACING_PX,
    add_row,
    make_combo,
    make_grid,
    plain_tip,
)
from napari_unet.widgets.fields.values import InputChoice, LabelsFacts, LayerFacts, PairChoice

NO_LABELS = "Segment, or paint labels, first"
IMAGE_TIP = "The image that the labels belong to. It is only read, never changed."
LABELS_TIP = (
    "The labels to learn from: a result that you have corrected, or labels of your own. Only what "
    "you painted or called right teaches."
)
REMOVE_TIP = "Learn without this pair. Its layers stay."


class PairRow(QWidget):
    """Edits a `PairChoice`; the image follows the labels until the user has chosen one."""

    value_changed = Signal()
    remove_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: dict[int, LabelsFacts] = {}
        self._images: list[LayerFacts] = []
        self._by_hand = False
        self._combo = make_combo(self)
        self.image = InputPicker(self, IMAGE_TIP, always_match=True)
        self._remove = QToolButton(self)
        self._lay_out()
        self._combo.currentIndexChanged.connect(self._on_labels_changed)
        self._combo.activated.connect(self._on_combo_activated)
        self.image.value_changed.connect(self.value_changed)
        self._remove.clicked.connect(self.remove_requested)

    def value(self) -> PairChoice:
        """The pair; without labels while there are none."""
        return PairChoice(self.image.value(), self._combo.currentData())

    def labels(self) -> LabelsFacts | None:
        """What is known of the chosen labels."""
        return self._labels.get(self._combo.currentData())

    def set_layers(
        self, images: Sequence[LayerFacts], labels: Sequence[LabelsFacts], used: Sequence[int] = ()
    ) -> None:
        """Offer these layers; the labels in `used` belong to other pairs and are not proposed."""
        before = self.value()
        new = {fact.key for fact in labels} - set(self._labels)
        self._images = list(images)
        self._labels = {fact.key: fact for fact in labels}
        with QSignalBlocker(self), QSignalBlocker(self._combo):
            self.image.set_layers(images)
            if before.image.layers and set(before.image.layers) <= {fact.key for fact in images}:
                self.image.set_value(before.image)  # a new image does not belong to these labels
            self._fill(labels, self._wanted(labels, new, used))
        if self.value() != before:
            self.value_changed.emit()

    def set_model(self, spec: ModelSpec | None) -> None:
        """Show the fields that matter for this model."""
        self.image.set_model(spec)
        self._follow()

    def set_removable(self, removable: bool) -> None:
        """Offer to take the pair away."""
        self._remove.setVisible(removable)

    def fields(self) -> list[QWidget]:
        """What can be changed, from top to bottom."""
        return [self._combo, self._remove, *self.image.fields()]

    def _wanted(
        self, labels: Sequence[LabelsFacts], new: set[int], used: Sequence[int]
    ) -> int | None:
        """The key of the labels to choose: the user's choice, else new ones that are likelier."""
        chosen = self._combo.currentData()
        if self._by_hand and chosen in self._labels:
            return int(chosen)
        fresh = [fact for fact in labels if fact.key in new] if chosen in self._labels else labels
        found = likely_labels(fresh, self._images, used)
        if found is None or (chosen in self._labels and found.source is None):
            return chosen if chosen in self._labels else None
        return found.key

    def _fill(self, labels: Sequence[LabelsFacts], wanted: int | None) -> None:
        before = self._combo.currentData()
        self._combo.clear()
        for fact in labels:
            self._combo.addItem(fact.name, fact.key)
        if not labels:
            self._combo.addItem(NO_LABELS, None)
        self._combo.setEnabled(bool(labels))
        index = self._combo.findData(wanted) if wanted is not None else -1
        self._combo.setCurrentIndex(max(index, 0))
        if self._combo.currentData() != before:
            self._follow()

    def _follow(self) -> None:
        """Choose the image that the labels were made from."""
        facts = self.labels()
        image = likely_image(facts, self._images) if facts is not None else None
        if facts is None or image is None:
            return
        source = facts.source
        if source is not None and image.key in source.layers:
            self.image.set_value(source)
        elif self.image.value().layers != (image.key,):
            self.image.set_value(InputChoice((image.key,)))

    def _lay_out(self) -> None:
        box = QWidget(self)
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self._combo, 1)
        self._remove.setText("×")
        self._remove.setToolTip(plain_tip(REMOVE_TIP))
        line.addWidget(self._remove, 0, Qt.AlignmentFlag.AlignRight)
        row = QWidget(self)
        add_row(make_grid(row), 0, "Labels", box, LABELS_TIP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(ROW_SPACING_PX)
        layout.addWidget(row)
        layout.addWidget(self.image)
        self._remove.hide()

    def _on_labels_changed(self) -> None:
        self._follow()
        self.value_changed.emit()

    def _on_combo_activated(self) -> None:
        self._by_hand = True


def likely_labels(
    labels: Sequence[LabelsFacts], images: Sequence[LayerFacts], used: Collection[int] = ()
) -> LabelsFacts | None:
    """The labels that are most likely meant: a visible result first, then what is visible, then the
    newest.
    """
    free = [
        fact for fact in labels if fact.key not in used and likely_image(fact, images) is not None
    ]
    return max(enumerate(free), key=lambda item: (*_merit(item[1]), item[0]), default=(0, None))[1]


def likely_image(labels: LabelsFacts, images: Sequence[LayerFacts]) -> LayerFacts | None:
    """The image that the labels were made from; else the last one of the same shape, best of a
    similar name.
    """
    if labels.source is not None:
        for fact in images:
            if fact.key in labels.source.layers:
                return fact
    fitting = [fact for fact in images if fits(fact, labels)]
    return max(
        enumerate(fitting),
        key=lambda item: (labels.name.startswith(item[1].name), item[0]),
        default=(0, None),
    )[1]


def fits(image: LayerFacts, labels: LabelsFacts) -> bool:
    """Whether the shapes agree, a channel axis and colours left aside."""
    shape = image.shape[:-1] if image.rgb else image.shape
    if shape == labels.shape:
        return True
    without_one = [(*shape[:axis], *shape[axis + 1 :]) for axis in range(len(shape) - 2)]
    return labels.shape in without_one


def _merit(labels: LabelsFacts) -> tuple[bool, bool]:
    return labels.visible, labels.source is not None
