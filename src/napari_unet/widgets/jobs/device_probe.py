"""Learns from a child process what devices there are, so that the window never waits for torch."""

import json
import sys

from qtpy.QtCore import QObject, QProcess, Signal

from napari_unet.devices import Device, cpu_device

# -P: nothing is imported from the folder that the user happens to be in
ARGUMENTS = ["-P", "-m", "napari_unet", "doctor", "--json"]
_found: list[Device] = []


class DeviceProbe(QObject):
    """Runs `doctor --json` once for the whole program and emits `found` with a list of `Device`."""

    found = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process = QProcess(self)
        self._process.finished.connect(self._on_process_finished)
        self._process.errorOccurred.connect(self._on_process_error)
        self.destroyed.connect(self._process.kill)

    def start(self) -> None:
        """Start the child process, or emit at once what is known already."""
        if _found:
            self.found.emit(list(_found))
            return
        self._process.start(sys.executable, ARGUMENTS)

    def _on_process_finished(self) -> None:
        devices = read_devices(bytes(self._process.readAllStandardOutput().data()))
        _found[:] = devices
        self.found.emit(devices)

    def _on_process_error(self) -> None:
        self.found.emit([cpu_device()])


def read_devices(text: bytes) -> list[Device]:
    """The devices of a `doctor --json` report; the processor alone where it can not be read."""
    try:
        return [_device(entry) for entry in json.loads(text)["devices"]] or [cpu_device()]
    except (ValueError, KeyError, TypeError):
        return [cpu_device()]


def _device(entry: dict[str, object]) -> Device:
    memory = entry.get("memory_bytes")
    return Device(
        name=str(entry["name"]),
        label=str(entry["label"]),
        usable=bool(entry["usable"]),
        reason=str(entry.get("reason", "")),
        memory_bytes=memory if isinstance(memory, int) else None,
    )
