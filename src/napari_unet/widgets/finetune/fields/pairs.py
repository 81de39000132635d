"""What a model learns from: one pair of image and labels, or several of several scans."""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_unet.model.spec import ModelSpec
from napari_unet.widgets.fields.rows import order_tabs, plain_tip
from napari_unet.widgets.fields.values import LabelsFacts, LayerFacts, PairChoice
from napari_unet.widgets.finetune.fields.pair_row import PairRow, likely_labels

ADD_TEXT = "Add another pair"
ADD_TIP = "Learn from one more image with labels too: another scan, or another part of the same."
SPACING_PX = 10


class PairsPicker(QWidget):
    """Edits a tuple of `PairChoice`; the first pair is proposed from the layers that are there."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[LayerFacts] = []
        self._labels: list[LabelsFacts] = []
        self._spec: ModelSpec | None = None
        self.rows: list[PairRow] = []
        self._add = QPushButton(ADD_TEXT, self)
        self._add.setFlat(True)
        self._add.setToolTip(plain_tip(ADD_TIP))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACING_PX)
        self._layout.addWidget(self._add, 0, Qt.AlignmentFlag.AlignRight)
        self._add.clicked.connect(self._on_add_clicked)
        self._add_row()

    def value(self) -> tuple[PairChoice, ...]:
        """The pairs, those without image or labels too."""
        return tuple(row.value() for row in self.rows)

    def labels(self) -> list[LabelsFacts]:
        """What is known of the labels that were chosen."""
        return [facts for row in self.rows if (facts := row.labels()) is not None]

    def set_layers(self, images: Sequence[LayerFacts], labels: Sequence[LabelsFacts]) -> None:
        """Offer these layers; a pair whose labels are gone goes too, but for the first."""
        before = self.value()
        self._images = list(images)
        self._labels = list(labels)
        keys = {fact.key for fact in labels}
        with QSignalBlocker(self):
            for row in self.rows[1:]:
                if row.value().labels not in keys:
                    self._remove_row(row)
            for row in self.rows:
                row.set_layers(images, labels, self._used(row))
            self._show_buttons()
        if self.value() != before:
            self.value_changed.emit()

    def set_model(self, spec: ModelSpec | None) -> None:
        """Show the fields that matter for this model."""
        self._spec = spec
        for row in self.rows:
            row.set_model(spec)

    def _add_row(self) -> PairRow:
        row = PairRow(self)
        self.rows.append(row)
        self._layout.insertWidget(len(self.rows) - 1, row)
        row.set_model(self._spec)
        row.set_layers(self._images, self._labels, self._used(row))
        row.value_changed.connect(self.value_changed)
        row.remove_requested.connect(lambda: self._on_remove_requested(row))
        self._show_buttons()
        return row

    def _remove_row(self, row: PairRow) -> None:
        self.rows.remove(row)
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _used(self, row: PairRow) -> list[int]:
        return [
            key
            for other in self.rows
            if other is not row and (key := other.value().labels) is not None
        ]

    def _show_buttons(self) -> None:
        for row in self.rows:
            row.set_removable(len(self.rows) > 1)
        used = [key for row in self.rows if (key := row.value().labels) is not None]
        self._add.setVisible(likely_labels(self._labels, self._images, used) is not None)
        order_tabs([*(field for row in self.rows for field in row.fields()), self._add])

    def _on_add_clicked(self) -> None:
        self._add_row()
        self.value_changed.emit()

    def _on_remove_requested(self, row: PairRow) -> None:
        self._remove_row(row)
        self._show_buttons()
        self.value_changed.emit()
