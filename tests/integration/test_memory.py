"""What the dock makes of the choices that are remembered."""

import napari
import numpy as np
import pytest
from qtpy.QtGui import QImage

from napari_unet.devices import Device
from napari_unet.errors import NapariUNetError
from napari_unet.scans.read import read_scan
from napari_unet.scans.samples.samples import nuclei_2d
from napari_unet.widgets.segment import demo
from napari_unet.widgets.segment.remembered import choices_of
from napari_unet.widgets.viewer.preferences import Choices, remember

pytestmark = pytest.mark.viewer


def test_a_model_that_is_gone_is_said_when_the_dock_opens(viewer, dock):
    viewer.add_image(np.zeros((40, 50)))
    remember(Choices(model="/nowhere/mine.safetensors"))
    assert "The model mine is gone" in dock("").form.message.text()


def test_a_wish_in_the_preferences_is_heard(viewer, dock):
    remember(Choices("tiny-classes", "cpu", False, False, True, True))
    form = dock("").form
    assert form.model.value().name == "tiny-classes"
    assert (form.device.value(), form.image.value().resample) == ("cpu", False)
    assert (form.options.value().region_in_view_only, form.options.value().keep_probabilities) == (
        True,
        True,
    )


def test_the_demonstration_uses_no_remembered_choice(viewer, dock):
    remember(Choices("tiny-classes", "cpu", False, False, True, True))
    widget = dock("")
    widget.form.device.set_devices([Device("cpu", "Processor")])
    demo.use_defaults(widget)
    chosen = choices_of(widget.form)
    assert (
        chosen.device,
        chosen.match_pixel_size,
        chosen.region_in_view_only,
        chosen.keep_probabilities,
    ) == ("auto", True, False, False)


def test_the_demonstration_leaves_its_picture_and_its_labels(
    viewer, dock, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(napari, "Viewer", lambda title: viewer)
    dock("")
    demo.main(tmp_path / "new")
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
