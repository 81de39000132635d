"""A row of a form for each type of setting, made from the field that declares it."""

from typing import Any

from pydantic.fields import FieldInfo
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_unet.segment.settings_fields import ValueKind, shape_of, tip_of, uses_of
from napari_unet.widgets.fields.rows import (
    add_row,
    keep_from_wheel,
    make_combo,
    make_grid,
    plain_tip,
)

AUTOMATIC = "Automatic"  # what a number that may be None shows then
LARGEST = 2**31 - 1  # of a spin box
DECIMALS = 3


class SettingRow(QWidget):
    """Edits one setting."""

    value_changed = Signal()

    def value(self) -> Any:
        """The value that the row shows, of the type that the setting has."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show this value."""
        raise NotImplementedError


class FlagRow(SettingRow):
    """Edits a yes or no."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QCheckBox(info.title or "", self)
        self.box.setToolTip(plain_tip(tip_of(info)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.set_value(info.default)
        self.box.toggled.connect(self.value_changed)

    def value(self) -> bool:
        """Whether it is checked."""
        return self.box.isChecked()

    def set_value(self, value: bool) -> None:
        """Check it, or not."""
        self.box.setChecked(value)


class WordRow(SettingRow):
    """Edits one of a few words; the first takes the place of one that can not be chosen."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        texts = uses_of(info).choices
        self.combo = make_combo(self)
        self.combo.setMinimumContentsLength(4)  # what is folded away is set in, and has less room
        for word in shape_of(info).words:
            self.combo.addItem(texts.get(word, word), word)
        add_row(make_grid(self), 0, info.title or "", self.combo, tip_of(info))
        self.set_value(info.default)
        self.combo.activated.connect(self.value_changed)

    def value(self) -> str:
        """The word that is chosen, as the setting has it; its text may be another."""
        return str(self.combo.currentData())

    def set_value(self, value: str) -> None:
        """Choose a word."""
        index = self.combo.findData(value)
        self.combo.setCurrentIndex(index if index >= 0 and self._is_enabled(index) else 0)

    def forbid(self, word: str, reason: str) -> None:
        """Make a word grey, and say why."""
        index = self.combo.findData(word)
        model = self.combo.model()
        self.combo.setItemData(index, plain_tip(reason), Qt.ItemDataRole.ToolTipRole)
        if isinstance(model, QStandardItemModel) and (item := model.item(index)) is not None:
            item.setEnabled(False)

    def _is_enabled(self, index: int) -> bool:
        model = self.combo.model()
        flags = model.flags(model.index(index, 0))  # type: ignore[union-attr]
        return bool(flags & Qt.ItemFlag.ItemIsEnabled)


class NumberRow(SettingRow):
    """Edits a number within its limits; below the lowest is "Automatic", where it may be None."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        shape = shape_of(info)
        self._optional = shape.optional
        self.box = QSpinBox() if shape.kind == "whole" else _decimal_box()
        step = 1 if shape.kind == "whole" else 10**-DECIMALS
        low = -LARGEST if shape.low is None else shape.low + step * shape.low_open
        high = LARGEST if shape.high is None else shape.high - step * shape.high_open
        self._lowest = low - step * shape.optional
        self.box.setRange(_number(self.box, self._lowest), _number(self.box, min(high, LARGEST)))
        self.box.setSpecialValueText(AUTOMATIC if shape.optional else "")
        keep_from_wheel(self.box)
        add_row(make_grid(self), 0, info.title or "", self.box, tip_of(info))
        self.set_value(info.default)
        self.box.valueChanged.connect(self.value_changed)

    def value(self) -> float | None:
        """The number, or None."""
        at_lowest = self.box.value() == self.box.minimum()
        return None if self._optional and at_lowest else self.box.value()

    def set_value(self, value: float | None) -> None:
        """Show a number, or that there is none."""
        self.box.setValue(_number(self.box, self._lowest if value is None else value))


class TextRow(SettingRow):
    """Edits a text."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit(self)
        self.edit.setMinimumWidth(1)
        add_row(make_grid(self), 0, info.title or "", self.edit, tip_of(info))
        self.set_value(info.default)
        self.edit.textChanged.connect(self.value_changed)

    def value(self) -> str:
        """The text."""
        return self.edit.text()

    def set_value(self, value: str) -> None:
        """Show a text."""
        self.edit.setText(value)


ROWS: dict[ValueKind, type[Any]] = {
    "flag": FlagRow,
    "word": WordRow,
    "whole": NumberRow,
    "number": NumberRow,
    "text": TextRow,
}


def make_row(info: FieldInfo) -> SettingRow:
    """The row that edits a setting of this type; a list of values has none."""
    row: SettingRow = ROWS[shape_of(info).kind](info)
    return row


def _decimal_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(DECIMALS)
    return box


def _number(box: QAbstractSpinBox, value: float) -> Any:
    return int(value) if isinstance(box, QSpinBox) else float(value)
