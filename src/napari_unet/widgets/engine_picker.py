"""What runs the network: "Automatic" first; an engine that is not installed is grey and says how to install it."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QWidget

from napari_unet.segment.installed import NOT_INSTALLED, openvino_version
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.rows import add_row, make_combo, make_grid, plain_tip

NAMES = {"auto": "Automatic", "torch": "PyTorch", "openvino": "OpenVINO"}


class EnginePicker(QWidget):
    """Edits the name of an engine: "auto", "torch" or "openvino"."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo = make_combo(self)
        self._combo.setMinimumContentsLength(4)  # what is folded away is set in, and has less room
        for name, text in NAMES.items():
            self._combo.addItem(text, name)
        if openvino_version() is None:
            self._forbid("openvino", NOT_INSTALLED)
        field = SegmentSettings.model_fields["engine"]
        add_row(make_grid(self), 0, field.title or "", self._combo, field.description or "")
        self._combo.activated.connect(self.value_changed)

    def value(self) -> str:
        """The engine's name."""
        return str(self._combo.currentData())

    def set_value(self, name: str) -> None:
        """Choose an engine; "auto" takes the place of one that is not there."""
        index = self._combo.findData(name)
        self._combo.setCurrentIndex(index if index >= 0 and self._is_enabled(index) else 0)

    def _forbid(self, name: str, reason: str) -> None:
        index, model = self._combo.findData(name), self._combo.model()
        self._combo.setItemData(index, plain_tip(reason), Qt.ItemDataRole.ToolTipRole)
        if isinstance(model, QStandardItemModel) and (item := model.item(index)) is not None:
            item.setEnabled(False)

    def _is_enabled(self, index: int) -> bool:
        flags = self._combo.model().flags(self._combo.model().index(index, 0))  # type: ignore[union-attr]
        return bool(flags & Qt.ItemFlag.ItemIsEnabled)
