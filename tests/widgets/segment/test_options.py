import pytest
from qtpy.QtWidgets import QComboBox

from napari_unet.widgets.fields.setting_picker import HaloPicker, PrecisionPicker
from napari_unet.widgets.fields.values import Options
from napari_unet.widgets.segment.options import OptionsForm


@pytest.mark.parametrize("threshold", [0.004, 0.03, 0.5, 0.97, 0.998])
def test_a_models_own_threshold_is_shown_as_it_is(qtbot, threshold):
    form = OptionsForm()
    qtbot.addWidget(form)
    form.set_threshold_default(threshold)
    assert form._slider.value() == pytest.approx(threshold)
    assert form.value().threshold is None


@pytest.mark.parametrize(("moved", "told"), [(0.69831, 0.7), (0.004, 0.004), (0.9962, 0.9962)])
def test_a_threshold_that_was_moved_is_told_as_it_is_read(qtbot, moved, told):
    form = OptionsForm()
    qtbot.addWidget(form)
    form.set_threshold_default(0.002 if moved < 0.5 else 0.999)
    form._slider.setValue(moved)
    assert form.value().threshold == pytest.approx(told, abs=1e-4)


def test_the_precision_is_chosen(qtbot):
    form = OptionsForm()
    qtbot.addWidget(form)
    assert form.value().precision == "float32"
    form.set_value(Options(precision="half"))
    assert form.value().precision == "half"
    combo = form.findChild(PrecisionPicker).findChild(QComboBox)
    with qtbot.waitSignal(form.value_changed):
        combo.activated.emit(0)


def test_the_context_is_chosen_where_a_model_has_two(qtbot):
    form = OptionsForm()
    qtbot.addWidget(form)
    picker = form.findChild(HaloPicker)
    form.set_value(Options(halo="exact"))
    assert picker.isHidden()
    assert form.value().halo == "auto"
    form.set_has_measured_halo(True)
    assert not picker.isHidden()
    assert form.value().halo == "exact"
    with qtbot.waitSignal(form.value_changed):
        picker.findChild(QComboBox).activated.emit(0)
