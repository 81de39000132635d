"""The options of the Segment dock, beside what holds for every form of settings."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_unet.segment.settings_fields import uses_of
from napari_unet.widgets.fields.setting_rows import make_row
from napari_unet.widgets.segment import special_rows
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.options import OptionsForm
from napari_unet.widgets.segment.special_rows import EngineRow

FIELDS = SegmentChoices.model_fields
WITH_ROW = [name for name, info in FIELDS.items() if uses_of(info).row]


@pytest.fixture
def form(qtbot) -> OptionsForm:
    made = OptionsForm()
    qtbot.addWidget(made)
    return made


def engine_row(qtbot, monkeypatch, version) -> EngineRow:
    monkeypatch.setattr(special_rows, "openvino_version", lambda: version)
    row = EngineRow(FIELDS["engine"])
    qtbot.addWidget(row)
    return row


@pytest.mark.parametrize("name", WITH_ROW)
def test_a_row_stands_alone(qtbot, name):
    row = OptionsForm.own_rows.get(name, make_row)(FIELDS[name])
    qtbot.addWidget(row)
    row.show()
    assert isinstance(row, QWidget)
    assert row.value() == FIELDS[name].default


def test_the_rows_are_in_this_order(form):
    assert list(form.rows) == [
        "current_slice_only",
        "region_in_view_only",
        "keep_probabilities",
        "empty_borders",
        "threshold",
        "keep_in",
        "engine",
        "precision",
        "halo",
    ]


def test_the_engine_is_chosen_by_the_program_at_first(qtbot, monkeypatch):
    assert engine_row(qtbot, monkeypatch, "1.2").value() == "auto"


def test_an_installed_engine_can_be_chosen(qtbot, monkeypatch):
    row = engine_row(qtbot, monkeypatch, "1.2")
    for name in ("openvino", "torch", "auto"):
        row.set_value(name)
        assert row.value() == name


def test_an_engine_that_is_not_installed_is_grey_and_says_how_to_install_it(qtbot, monkeypatch):
    row = engine_row(qtbot, monkeypatch, None)
    item = row.combo.model().item(row.combo.findData("openvino"))
    assert not item.isEnabled()
    assert "napari-unet-loop[openvino]" in item.data(Qt.ItemDataRole.ToolTipRole)
    for name in ("openvino", "no such engine"):
        row.set_value(name)
        assert row.value() == "auto"


@pytest.mark.parametrize("threshold", [0.004, 0.03, 0.5, 0.97, 0.998])
def test_a_models_own_threshold_is_shown_as_it_is(form, threshold):
    form.set_threshold_default(threshold)
    assert form.threshold.slider.value() == pytest.approx(threshold)
    assert form.value().threshold is None


@pytest.mark.parametrize(("moved", "read"), [(0.69831, 0.7), (0.004, 0.004), (0.9962, 0.9962)])
def test_a_threshold_that_was_moved_is_reported_as_it_is_read(form, moved, read):
    form.set_threshold_default(0.002 if moved < 0.5 else 0.999)
    form.threshold.slider.setValue(moved)
    assert form.value().threshold == pytest.approx(read, abs=1e-4)


def test_only_a_hand_moves_the_threshold_of_a_result(form, qtbot):
    form.set_threshold_default(0.5)
    with qtbot.assertNotEmitted(form.threshold_changed):
        form.set_value(SegmentChoices(threshold=0.3))
    assert form.value().threshold == pytest.approx(0.3)
    with qtbot.waitSignal(form.threshold_changed):
        form.threshold.slider.setValue(0.6)


def test_the_precision_is_chosen(form, qtbot):
    assert form.value().precision == "float32"
    form.set_value(SegmentChoices(precision="half"))
    assert form.value().precision == "half"
    with qtbot.waitSignal(form.value_changed):
        form.rows["precision"].combo.activated.emit(0)


def test_the_context_is_chosen_where_a_model_has_two(form, qtbot):
    row = form.rows["halo"]
    form.set_value(SegmentChoices(halo="exact"))
    assert row.isHidden()
    assert form.value().halo == "auto"
    form.offer("halo", True)
    assert not row.isHidden()
    assert form.value().halo == "exact"
    with qtbot.waitSignal(form.value_changed):
        row.combo.activated.emit(0)
