"""What the dock makes of the choices that are remembered."""

import napari
import numpy as np
import pytest
from qtpy.QtGui import QImage

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.devices import Device
from napari_unet.errors import NapariUNetError
from napari_unet.model.library import save_model
from napari_unet.model.spec import MeasuredHalo
from napari_unet.scans.read import read_scan
from napari_unet.scans.samples.samples import nuclei_2d
from napari_unet.widgets.segment import demo
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.dock import SegmentWidget
from napari_unet.widgets.segment.remembered import choices_of
from napari_unet.widgets.viewer.preferences import remember

pytestmark = pytest.mark.viewer
PREFERRED = SegmentChoices(
    model="tiny-classes",
    device="cpu",
    resample=False,
    region_in_view_only=True,
    keep_probabilities=True,
)


def test_a_model_that_is_gone_is_said_when_the_dock_opens(viewer, dock):
    viewer.add_image(np.zeros((40, 50)))
    remember(SegmentChoices(model="/nowhere/mine.safetensors"))
    assert "The model mine is gone" in dock("").form.message.text()


def test_the_dock_opens_with_what_the_preferences_say(viewer, dock):
    remember(PREFERRED)
    form = dock("").form
    assert form.model.value().name == "tiny-classes"
    assert (form.device.value(), form.image.value().resample) == ("cpu", False)
    chosen = form.options.value()
    assert chosen.region_in_view_only
    assert chosen.keep_probabilities


def test_half_precision_and_a_measured_context_are_remembered(viewer, dock, click, tmp_path):
    halo = MeasuredHalo(voxels=(2, 2, 2), changed=0.0, compared=1000)
    spec = tiny_spec(3, depth=1).model_copy(update={"name": "thick", "halo": halo})
    save_model(tiny_model(spec), tmp_path / "thick.safetensors")
    viewer.add_image(smooth_image((6, 40, 50)), name="stack")
    first = dock("thick")
    first.form.options.rows["precision"].set_value("half")
    first.form.options.rows["halo"].set_value("measured")
    click(first)
    again = SegmentWidget(viewer)
    assert (again.form.choices().precision, again.form.choices().halo) == ("half", "measured")
    again.form.model.set_value("tiny-2d")  # which has no measured context
    assert again.form.choices().halo == "auto"
    assert choices_of(again.form).halo == "measured"


def test_the_demonstration_uses_no_remembered_choice(viewer, dock):
    remember(PREFERRED)
    widget = dock("")
    widget.form.device.set_devices([Device("cpu", "Processor")])
    demo.use_defaults(widget)
    chosen = choices_of(widget.form)
    assert (chosen.device, chosen.resample) == ("auto", True)
    assert not chosen.region_in_view_only
    assert not chosen.keep_probabilities


def test_the_demonstration_leaves_its_picture_and_its_labels(
    viewer, dock, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(napari, "Viewer", lambda title: viewer)
    dock("")
    demo.show_demo(tmp_path / "new")
    picture = QImage(str(tmp_path / "new" / demo.PICTURE))
    found = read_scan(tmp_path / "new" / demo.LABELS)
    scan = nuclei_2d().scan
    assert (picture.width(), picture.height()) == demo.SIZE_PX
    assert found.shape == scan.shape
    assert found.spacing == pytest.approx(scan.spacing)
    assert 0.05 < (np.asarray(found.data[...]) > 0).mean() < 0.95
    assert f"Left {tmp_path / 'new' / demo.PICTURE}" in capsys.readouterr().out


def test_a_demonstration_that_does_not_start_says_why(viewer, dock, tmp_path):
    with pytest.raises(NapariUNetError, match="Open an image"):
        demo._leave_files(viewer, dock(), tmp_path)
