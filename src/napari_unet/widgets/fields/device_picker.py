"""Where the network runs: "Automatic" first, then what was found on this machine."""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QWidget

from napari_unet.devices import Device, choose
from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid, plain_tip
from napari_unet.words import data_size

AUTO = "auto"
TIP = (
    "Where the network runs. Automatic takes a graphics card where a usable one "
    "is found, else the processor."
)


class DevicePicker(QWidget):
    """Edits the name of a device: "auto", "cpu", "cuda" …"""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo = make_combo(self)
        self._combo.addItem("Automatic", AUTO)
        self._wanted = AUTO
        self._found: list[Device] = []
        add_row(make_grid(self), 0, "Run on", self._combo, TIP)
        self._combo.activated.connect(self._on_combo_activated)

    def value(self) -> str:
        """The device's name."""
        return str(self._combo.currentData())

    def taken(self) -> Device | None:
        """The device that a run would take now; None while it is not known what there is."""
        return choose(self.value(), self._found) if self._found else None

    def wanted(self) -> str:
        """The device that the user chose, though it may not be there today."""
        return self._wanted

    def set_value(self, name: str) -> None:
        """Choose a device; one that is not listed yet is added until it is known what there is."""
        self._wanted = name
        if not self._found and self._combo.findData(name) < 0:
            self._combo.addItem(name, name)
        index = self._combo.findData(name)
        usable = index >= 0 and self._item_enabled(index)
        self._choose(index if usable else 0)

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Offer the devices that were found; one that can not be used is grey and says why."""
        before = self.value()
        self._found = list(devices)
        while self._combo.count() > 1:
            self._combo.removeItem(1)
        for device in devices:
            self._add(device)
        first = next((device for device in devices if device.usable), None)
        self._combo.setItemData(
            0, plain_tip(f"Now: {first.label}" if first else ""), Qt.ItemDataRole.ToolTipRole
        )
        with QSignalBlocker(self):
            self.set_value(self._wanted)
        if self.value() != before:
            self.value_changed.emit()

    def _add(self, device: Device) -> None:
        self._combo.addItem(device.label, device.name)
        index = self._combo.count() - 1
        self._combo.setItemData(
            index, plain_tip(device.reason or _memory(device)), Qt.ItemDataRole.ToolTipRole
        )
        model = self._combo.model()
        item = model.item(index) if isinstance(model, QStandardItemModel) else None
        if item is not None:
            item.setEnabled(device.usable)

    def _item_enabled(self, index: int) -> bool:
        model = self._combo.model()
        item = model.item(index) if isinstance(model, QStandardItemModel) else None
        return item is None or item.isEnabled()

    def _choose(self, index: int) -> None:
        if index != self._combo.currentIndex():
            self._combo.setCurrentIndex(index)
            self.value_changed.emit()

    def _on_combo_activated(self) -> None:
        self._wanted = self.value()
        self.value_changed.emit()


def _memory(device: Device) -> str:
    return f"{data_size(device.memory_bytes)} of memory free" if device.memory_bytes else ""
