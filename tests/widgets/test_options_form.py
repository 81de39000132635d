import pytest

from napari_unet.widgets.options_form import OptionsForm


@pytest.mark.parametrize("threshold", [0.004, 0.03, 0.5, 0.97, 0.998])
def test_a_models_own_threshold_is_shown_as_it_is(qtbot, threshold):
    form = OptionsForm()
    qtbot.addWidget(form)
    form.set_threshold_default(threshold)
    assert form._slider.value() == pytest.approx(threshold)
    assert form.value().threshold is None
