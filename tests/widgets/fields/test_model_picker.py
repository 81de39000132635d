from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from helpers.leaves import broken, entry
from helpers.tiny import tiny_spec
from napari_unet.widgets.fields.model_picker import NONE_TEXT, ModelPicker


def make(qtbot, *entries) -> ModelPicker:
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.set_entries(entries)
    return picker


def activate(picker: ModelPicker, text: str) -> None:
    index = picker._combo.findText(text)
    picker._combo.setCurrentIndex(index)
    picker._combo.activated.emit(index)


def test_no_model(qtbot):
    picker = make(qtbot)
    assert picker.value() is None
    assert picker._combo.currentText() == NONE_TEXT


def test_the_first_usable_model_is_chosen(qtbot):
    assert make(qtbot, broken(), entry("good")).value().name == "good"


def test_a_choice_is_reported_and_described(qtbot):
    picker = make(qtbot, entry("a"), entry("b", summary="Finds b."))
    with qtbot.waitSignal(picker.value_changed):
        activate(picker, "b")
    assert picker.value().name == "b"
    assert picker._note.text().startswith("Finds b.")


def test_a_model_can_be_chosen_by_name_or_path(qtbot):
    picker = make(qtbot, entry("a"), entry("b"))
    picker.set_value("b")
    assert picker.value().name == "b"
    picker.set_value("/models/a.safetensors")
    assert picker.value().name == "a"
    picker.set_value("unknown")
    assert picker.value().name == "a"


def test_open_file_asks_and_leaves_the_choice(qtbot):
    picker = make(qtbot, entry("a"))
    with qtbot.waitSignal(picker.open_requested):
        picker._open.click()
    assert picker.value().name == "a"
    assert picker._combo.currentText() == "a"


def test_arrow_keys_stay_among_the_models(qtbot):
    picker = make(qtbot, entry("a"), entry("b"))
    with qtbot.assertNotEmitted(picker.open_requested):
        for _ in range(4):
            QTest.keyClick(picker._combo, Qt.Key.Key_Down)
    assert picker.value().name == "b"


def test_an_added_model_is_chosen_once(qtbot):
    picker = make(qtbot, entry("a"))
    picker.add_entry(entry("b"))
    picker.add_entry(entry("b"))
    assert [item.name for item in picker.entries()] == ["a", "b"]
    assert picker.value().name == "b"


def test_a_file_that_says_something_else_by_now_is_reported(qtbot):
    picker = make(qtbot, entry("a"), entry("b"))
    with qtbot.assertNotEmitted(picker.value_changed):
        picker.set_entries([entry("a"), entry("b", summary="New.")])
    with qtbot.waitSignal(picker.value_changed):
        picker.add_entry(entry("a", summary="New."))
    assert picker._note.text().startswith("New.")


def test_a_broken_model_says_why(qtbot):
    picker = make(qtbot, entry("a"), broken())
    activate(picker, "broken")
    assert picker._note.text() == "broken is cut off. Copy it again."


def test_the_classes_are_shown_without_the_background(qtbot):
    picker = make(qtbot, entry("a", tiny_spec(classes=3)))
    assert [chip.toolTip() for chip in picker._legend._chips] == [
        "<qt>Label 1: class 1</qt>",
        "<qt>Label 2: class 2</qt>",
    ]


def test_text_from_files_is_shown_as_it_is(qtbot):
    picker = make(qtbot, entry("a", summary="<b>bold</b><img src=x>"))
    assert picker._note.textFormat() == Qt.TextFormat.PlainText
    assert "<b>" in picker._note.text()
    picker.set_entries([entry("<i>a</i>", data="<script>")])
    assert "<script>" not in picker._combo.itemData(0, Qt.ItemDataRole.ToolTipRole)
    assert "&lt;script&gt;" in picker._note.toolTip()
