"""One of a few ways to do something: a setting that is a word."""

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QWidget

from napari_unet.segment.engine.kinds import NOT_INSTALLED, openvino_version
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid, plain_tip


class SettingPicker(QWidget):
    """Edits the setting of a name; the first of its words takes the place of one that can not be
    chosen.
    """

    value_changed = Signal()

    def __init__(self, name: str, texts: Mapping[str, str], parent: QWidget | None = None) -> None:
        """`texts` are what is shown for each word."""
        super().__init__(parent)
        self._combo = make_combo(self)
        self._combo.setMinimumContentsLength(4)  # what is folded away is set in, and has less room
        for word, text in texts.items():
            self._combo.addItem(text, word)
        field = SegmentSettings.model_fields[name]
        add_row(make_grid(self), 0, field.title or "", self._combo, field.description or "")
        self._combo.activated.connect(self.value_changed)

    def value(self) -> str:
        """The word."""
        return str(self._combo.currentData())

    def set_value(self, word: str) -> None:
        """Choose a word."""
        index = self._combo.findData(word)
        self._combo.setCurrentIndex(index if index >= 0 and self._is_enabled(index) else 0)

    def forbid(self, word: str, reason: str) -> None:
        """Make a word grey, and say why."""
        index = self._combo.findData(word)
        model = self._combo.model()
        self._combo.setItemData(index, plain_tip(reason), Qt.ItemDataRole.ToolTipRole)
        if isinstance(model, QStandardItemModel) and (item := model.item(index)) is not None:
            item.setEnabled(False)

    def _is_enabled(self, index: int) -> bool:
        flags = self._combo.model().flags(self._combo.model().index(index, 0))  # type: ignore[union-attr]
        return bool(flags & Qt.ItemFlag.ItemIsEnabled)


ENGINES = {"auto": "Automatic", "torch": "PyTorch", "openvino": "OpenVINO"}


class EnginePicker(SettingPicker):
    """Edits the name of an engine: "auto", "torch" or "openvino"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("engine", ENGINES, parent)
        if openvino_version() is None:
            self.forbid("openvino", NOT_INSTALLED)


HALOS = {"auto": "Automatic", "exact": "Exact", "measured": "Measured, faster"}


class HaloPicker(SettingPicker):
    """Edits the name of a halo: "auto", "exact" or "measured"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("halo", HALOS, parent)


PRECISIONS = {"float32": "Full", "half": "Half, faster"}


class PrecisionPicker(SettingPicker):
    """Edits the name of a precision: "float32" or "half"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("precision", PRECISIONS, parent)
