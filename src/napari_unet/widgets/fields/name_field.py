"""The name of a new model: proposed from that of its parent, checked before anything runs."""

import re
from collections.abc import Collection

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_unet.files.names import forbidden_signs, is_reserved
from napari_unet.model.spec import MAX_NAME
from napari_unet.widgets.fields.rows import add_row, make_grid

TIP = (
    "What the new model is called in the list of models. The old model keeps its own name and file."
)
NUMBERED = re.compile(r"-\d+$")


class NameField(QWidget):
    """Edits a model's name; follows the parent's until the user has changed it."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit = QLineEdit(self)
        self._edit.setMaxLength(MAX_NAME)
        self._taken: set[str] = set()
        self._base = "model"
        self._by_hand = False
        add_row(make_grid(self), 0, "New name", self._edit, TIP)
        self._edit.textEdited.connect(self._on_text_edited)
        self._offer()

    def value(self) -> str:
        """The name for the new model, without spaces around it."""
        return self._edit.text().strip()

    def set_value(self, name: str) -> None:
        """Take this name, as if it had been typed."""
        self._edit.setText(name)
        self._on_text_edited()

    def set_parent_name(self, name: str, taken: Collection[str]) -> None:
        """Offer this name with the next free number; `taken` are the names that exist."""
        same = name == self._base
        self._base = name
        self._taken = {other.lower() for other in taken}
        if not self._by_hand or not same or self.value().lower() in self._taken:
            self._offer()

    def problem(self) -> str:
        """Why the name can not be used, in one sentence; nothing where it can."""
        name = self.value()
        if not name:
            return "The new model needs a name."
        if bad := forbidden_signs(name):
            return f"The name of the new model can not contain {' '.join(bad)}."
        if name.startswith(".") or name.endswith("."):
            return "The name of the new model can not begin or end with a point."
        if is_reserved(name):
            return f"Windows takes the name {name} for a device; choose another name."
        if name.lower() in self._taken:
            return (
                f"There is a model called {name} already; choose another "
                "name, so that both are kept."
            )
        return ""

    def fields(self) -> list[QWidget]:
        """What can be changed."""
        return [self._edit]

    def _offer(self) -> None:
        self._by_hand = False
        self._edit.setText(next_name(self._base, self._taken))
        self.value_changed.emit()

    def _on_text_edited(self) -> None:
        self._by_hand = True
        self.value_changed.emit()


def next_name(base: str, taken: Collection[str]) -> str:
    """The base with the first free number: cells-1 after cells, cells-2 after cells-1."""
    stem = NUMBERED.sub("", base)[: MAX_NAME - 6]
    number = 1
    while f"{stem}-{number}".lower() in taken:
        number += 1
    return f"{stem}-{number}"
