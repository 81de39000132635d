import json

import pytest

from napari_unet.devices import Device
from napari_unet.widgets.jobs import device_probe
from napari_unet.widgets.jobs.device_probe import DeviceProbe, read_devices


@pytest.fixture(autouse=True)
def _nothing_found_before(monkeypatch):
    monkeypatch.setattr(device_probe, "_found", [])


def test_a_report_is_read():
    devices = [Device("cuda:0", "H200", False, "too old", 5), Device("cpu", "Processor")]
    report = json.dumps({"devices": [device.as_dict() for device in devices], "torch": None})
    assert read_devices(report.encode()) == devices


@pytest.mark.parametrize(
    "text",
    [b"", b"not json", b"[]", b'{"devices": [{"name": 1}]}', b'{"devices": []}', b'{"devices": 3}'],
)
def test_a_report_that_can_not_be_read_leaves_the_processor(text):
    assert [device.name for device in read_devices(text)] == ["cpu"]


def test_a_child_process_finds_the_devices_once(qtbot, monkeypatch):
    program = (
        'import sys; print(\'{"devices": [{"name": "mps", "label": "Apple", "usable": true}]}\')'
    )
    monkeypatch.setattr(device_probe, "ARGUMENTS", ["-c", program])
    probe = DeviceProbe()
    with qtbot.waitSignal(probe.found, timeout=10_000) as found:
        probe.start()
    assert found.args[0] == [Device("mps", "Apple")]
    again = DeviceProbe()
    with qtbot.waitSignal(again.found, timeout=100) as found:
        again.start()
    assert found.args[0] == [Device("mps", "Apple")]


def test_a_python_that_can_not_be_started_leaves_the_processor(qtbot, monkeypatch):
    monkeypatch.setattr(device_probe.sys, "executable", "/nowhere/python")
    probe = DeviceProbe()
    with qtbot.waitSignal(probe.found, timeout=10_000) as found:
        probe.start()
    assert [device.name for device in found.args[0]] == ["cpu"]
