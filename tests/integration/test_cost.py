"""What the Segment dock says that a run would take, before it."""

import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_spec
from napari_unet.devices import Device
from napari_unet.segment.engine.speed_cache import (
    MeasuredSpeed,
    known_voxel_seconds,
    save_measurements,
)
from napari_unet.widgets.jobs import device_probe
from napari_unet.widgets.segment.choices import SegmentChoices

pytestmark = pytest.mark.viewer
NET = tiny_spec().architecture


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_UNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("napari_unet.widgets.segment.plan.openvino_version", lambda: None)


@pytest.mark.alone
def test_memory_at_once_and_the_time_after_a_run(viewer, dock, click):
    viewer.add_image(smooth_image((80, 100)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    before = widget.form.cost.text()
    assert before == "Needs 1 MB"
    assert widget.form.cost.isVisibleTo(widget.form)
    click(widget)
    assert known_voxel_seconds(NET, "torch", "cpu", 80 * 100) is not None
    assert widget.form.cost.text() == f"{before}, about 1 s"


def test_the_time_of_a_large_image_without_a_run(viewer, dock, qtbot):
    viewer.add_image(np.zeros((1500, 1400), np.uint8), name="large")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    widget.form.options.value_changed.emit()
    assert "about" not in widget.form.cost.text()
    qtbot.waitUntil(lambda: "about" in widget.form.cost.text(), timeout=60_000)
    assert known_voxel_seconds(NET, "torch", "cpu", 2**21) is not None


def test_it_follows_what_is_chosen(viewer, dock):
    save_measurements(NET, [MeasuredSpeed("torch", "cpu", size, 1e-4) for size in (17, 20, 23)])
    viewer.add_image(np.zeros((4, 700, 900), np.uint8), name="stack")
    form = dock().form
    assert form.cost.text().endswith(", about 4 min")
    form.options.set_value(SegmentChoices(current_slice_only=True))
    assert form.cost.text().endswith(", about 65 s")
    form.options.set_value(SegmentChoices(region_in_view_only=True))
    assert form.cost.text() == ""
    form.options.set_value(SegmentChoices())
    form.model.set_value("tiny-classes")
    assert form.cost.text().startswith("Needs")
    assert "about" not in form.cost.text()


def test_nothing_is_said_where_there_can_be_no_run(viewer, dock, qtbot):
    form = dock().form
    assert form.cost.isHidden()
    viewer.add_image(smooth_image((80, 100)), name="flat")
    qtbot.waitUntil(lambda: not form.cost.isHidden())
    form.model.set_value("tiny-3d")
    assert form.cost.isHidden()
    form.model.set_value("tiny-2d")
    assert not form.cost.isHidden()


def test_nothing_is_said_while_a_run_goes_on(viewer, dock, begin, qtbot):
    viewer.add_image(np.zeros((300, 64, 64), np.uint8), name="stack")
    widget = dock()
    begin(widget)
    assert widget.run is not None
    assert widget.form.cost.isHidden()
    with qtbot.waitSignal(widget.run_ended, timeout=30_000):
        widget.end()
    assert not widget.form.cost.isHidden()


def test_a_device_that_is_found_later_is_reported_later(viewer, dock, monkeypatch):
    monkeypatch.setattr(device_probe, "_found", [])
    monkeypatch.setattr(device_probe.DeviceProbe, "start", lambda self: None)
    viewer.add_image(smooth_image((80, 100)), name="cells")
    widget = dock()
    assert widget.form.cost.text() == ""
    widget._probe.found.emit(
        [Device("cuda:0", "Card", memory_bytes=2**33), Device("cpu", "Processor")]
    )
    assert widget.form.cost.text().startswith("Needs")
