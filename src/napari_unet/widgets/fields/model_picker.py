"""Which model: the library's, or any file; and what the chosen one is."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.model.library import ModelEntry
from napari_unet.widgets.fields.class_legend import ClassLegend
from napari_unet.widgets.fields.model_facts import full_text, headline, lineage
from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid, make_note, plain_tip

OPEN_TEXT = "Open…"
OPEN_PX = 28
OPEN_TIP = "Open a model file, wherever it is."
NONE_TEXT = "No model yet"
TIP = "The model to use. Built-in models come first, then your own; Open… takes any model file."


class ModelPicker(QWidget):
    """Edits the choice of one `ModelEntry`; `open_requested` when the user wants another file."""

    value_changed = Signal()
    open_requested = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        title: str = "Model",
        tip: str = TIP,
        brief: bool = False,
    ) -> None:
        """`brief` leaves out the classes and what the model is for."""
        super().__init__(parent)
        self._brief = brief
        self._entries: list[ModelEntry] = []
        self._chosen = ""
        self._shown: ModelEntry | None = None
        self._combo = make_combo(self)
        self._open = QPushButton(OPEN_TEXT, self)
        self._open.setToolTip(plain_tip(OPEN_TIP))
        self._legend = ClassLegend(self)
        self._note = make_note(self)
        row = QWidget(self)
        add_row(make_grid(row), 0, title, self._with_open() if brief else self._combo, tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(row)
        if not brief:
            layout.addLayout(self._legend_line())
        layout.addWidget(self._note)
        self._combo.activated.connect(self._on_combo_activated)
        self._open.clicked.connect(self.open_requested)
        self.set_entries([])

    def value(self) -> ModelEntry | None:
        """The chosen model."""
        return next((entry for entry in self._entries if str(entry.path) == self._chosen), None)

    def set_value(self, name_or_path: str) -> None:
        """Choose a model by its name or path; nothing happens where there is none of that name."""
        for entry in self._entries:
            if name_or_path in (entry.name, str(entry.path)):
                self._choose(entry)
                return

    def entries(self) -> list[ModelEntry]:
        """The models that can be chosen, from top to bottom."""
        return list(self._entries)

    def set_entries(self, entries: Sequence[ModelEntry]) -> None:
        """Offer these models; the choice stays where it still exists."""
        self._entries = list(entries)
        self._combo.clear()
        for entry in self._entries:
            self._combo.addItem(entry.name, str(entry.path))
            tip = plain_tip(full_text(entry)).replace("\n", "<br>")
            self._combo.setItemData(self._combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        if not self._entries:
            self._combo.addItem(NONE_TEXT, "")
        usable = next((entry for entry in self._entries if entry.header), None)
        self._choose(self.value() or usable)

    def fields(self) -> list[QWidget]:
        """What can be changed, from top to bottom."""
        return [self._combo, self._open]

    def add_entry(self, entry: ModelEntry) -> None:
        """Offer one more model, and choose it."""
        self.set_entries([*(old for old in self._entries if old.path != entry.path), entry])
        self._choose(entry)

    def _with_open(self) -> QWidget:
        box = QWidget(self)
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self._combo, 1)
        self._combo.setStyleSheet("min-width: 60px;")
        self._open.setText("…")
        self._open.setFixedWidth(OPEN_PX)
        line.addWidget(self._open)
        return box

    def _legend_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addWidget(self._legend, 1)
        line.addWidget(self._open, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        return line

    def _choose(self, entry: ModelEntry | None) -> None:
        changed = entry is not None and entry != self._shown
        self._shown = entry
        self._chosen = str(entry.path) if entry else ""
        self._combo.setCurrentIndex(max(0, self._combo.findData(self._chosen)) if entry else 0)
        self._describe(entry)
        if changed:
            self.value_changed.emit()

    def _describe(self, entry: ModelEntry | None) -> None:
        header = entry.header if entry else None
        self._legend.set_classes(header.spec.classes if header and not self._brief else ())
        self._note.setText(self._text(entry) if entry else "Choose Open… to bring a model in.")
        self._note.setVisible(bool(self._note.text()))
        self._note.setToolTip(plain_tip(full_text(entry)).replace("\n", "<br>") if entry else "")

    def _text(self, entry: ModelEntry) -> str:
        """What the model is, and which one it was made from."""
        parts = [] if self._brief and entry.header else [headline(entry)]
        return "\n".join([*parts, *lineage(entry, self._entries)])

    def _on_combo_activated(self, index: int) -> None:
        chosen = str(self._combo.itemData(index))
        self._choose(next((entry for entry in self._entries if str(entry.path) == chosen), None))
