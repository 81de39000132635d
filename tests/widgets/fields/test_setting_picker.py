from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_unet.widgets.fields import setting_picker as engine_picker
from napari_unet.widgets.fields.fold import Fold
from napari_unet.widgets.fields.setting_picker import EnginePicker
from napari_unet.widgets.fields.values import Options
from napari_unet.widgets.segment.options import OptionsForm


def make(qtbot, monkeypatch, version) -> EnginePicker:
    monkeypatch.setattr(engine_picker, "openvino_version", lambda: version)
    picker = EnginePicker()
    qtbot.addWidget(picker)
    return picker


def test_the_engine_is_chosen_by_the_program_at_first(qtbot, monkeypatch):
    assert make(qtbot, monkeypatch, "1.2").value() == "auto"


def test_an_installed_engine_can_be_chosen(qtbot, monkeypatch):
    picker = make(qtbot, monkeypatch, "1.2")
    for name in ("openvino", "torch", "auto"):
        picker.set_value(name)
        assert picker.value() == name


def test_a_hand_is_told_of(qtbot, monkeypatch):
    picker = make(qtbot, monkeypatch, "1.2")
    with qtbot.waitSignal(picker.value_changed):
        picker.findChild(QComboBox).activated.emit(1)


def test_an_engine_that_is_not_installed_is_grey_and_says_how_to_install_it(qtbot, monkeypatch):
    picker = make(qtbot, monkeypatch, None)
    combo = picker.findChild(QComboBox)
    item = combo.model().item(combo.findData("openvino"))
    assert not item.isEnabled()
    assert "napari-unet-loop[openvino]" in item.data(Qt.ItemDataRole.ToolTipRole)
    for name in ("openvino", "no such engine"):
        picker.set_value(name)
        assert picker.value() == "auto"


def test_the_options_hold_the_engine_folded_away(qtbot):
    form = OptionsForm()
    qtbot.addWidget(form)
    assert form.findChild(Fold).content().isAncestorOf(form.findChild(EnginePicker))
    form.set_value(Options(engine="torch"))
    assert form.value().engine == "torch"
