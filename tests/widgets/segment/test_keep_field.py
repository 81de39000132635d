"""Where the result is kept: typed, or chosen in a dialog."""

import pytest
from qtpy.QtWidgets import QFileDialog, QLineEdit, QPushButton

from helpers.clicks import press
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.keep_field import KeepField


@pytest.fixture
def field(qtbot) -> KeepField:
    made = KeepField(SegmentChoices.model_fields["keep_in"])
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("", ""),
        ("  ", ""),
        ("/a/b", "/a/b.zarr"),
        ("/a/b.ZARR", "/a/b.ZARR"),
        (" c.zarr ", "c.zarr"),
    ],
)
def test_a_path_gets_its_suffix(field, qtbot, typed, value):
    edit = field.findChild(QLineEdit)
    if typed:
        with qtbot.waitSignal(field.value_changed):
            qtbot.keyClicks(edit, typed)
    assert field.value() == value


@pytest.mark.parametrize(
    ("name", "offered"),
    [("cells-labels", "cells-labels.zarr"), ("a/b: c?", "a_b_ c_.zarr"), ("..", "labels.zarr")],
)
def test_a_dialog_offers_a_name_and_may_be_left(field, monkeypatch, name, offered):
    control = []

    def dialog(parent, title, known, kinds, options):
        control.append((known, options))
        return ("/there/x.zarr" if len(control) > 1 else "", kinds)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    field.set_name(name)
    button = field.findChild(QPushButton)
    press(button)
    assert field.value() == ""
    press(button)
    assert field.value() == "/there/x.zarr"
    assert control[0][0].endswith(f"/{offered}")
    assert control[0][1] == QFileDialog.Option.DontConfirmOverwrite
    press(button)
    assert control[2][0] == "/there/x.zarr"
