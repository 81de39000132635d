"""A row for each type of setting, with its limits, its texts, and what can not be chosen."""

from typing import Literal

import pytest
from pydantic import BaseModel
from qtpy.QtWidgets import QLabel

from napari_unet.segment.settings_fields import setting
from napari_unet.widgets.fields.fold import Fold
from napari_unet.widgets.fields.setting_form import SettingForm
from napari_unet.widgets.fields.setting_rows import NumberRow, SettingRow, make_row


class Tea(BaseModel):
    """One setting of each type."""

    milk: bool = setting(False, "Milk", "With milk.", row="in it", hint="Cold.")
    kind: Literal["black", "green"] = setting(
        "black", "Kind", "Which tea.", row="tea", choices={"black": "Assam"}
    )
    cups: int = setting(1, "Cups", "How many.", row="tea", ge=1, le=4)
    warmth: float | None = setting(None, "Warmth", "How warm.", row="tea", gt=0, le=1)
    name: str = setting("", "Name", "For whom.", row="whose")
    secret: int = setting(3, "Secret", "Not in the form.")


class TeaForm(SettingForm[Tea]):
    choices = Tea
    groups = ("tea", "in it")


@pytest.fixture
def form(qtbot) -> TeaForm:
    made = TeaForm()
    qtbot.addWidget(made)
    return made


def row_of(qtbot, name: str) -> SettingRow:
    row = make_row(Tea.model_fields[name])
    qtbot.addWidget(row)
    return row


def test_rows_stand_in_their_groups_folded_away(form):
    assert list(form.rows) == ["kind", "cups", "warmth", "milk", "name"]
    content = form.findChild(Fold).content()
    assert all(content.isAncestorOf(row) for row in form.rows.values())


def test_the_form_begins_with_the_defaults_and_gives_back_what_it_shows(form):
    assert form.value() == Tea()
    mine = Tea(milk=True, kind="green", cups=4, warmth=0.25, name="me")
    form.set_value(mine)
    assert form.value() == mine


def test_what_is_not_offered_is_as_if_never_chosen_and_is_not_forgotten(form):
    form.set_value(Tea(cups=3))
    form.offer("cups", False)
    assert (form.value().cups, form.chosen().cups) == (1, 3)
    form.offer("cups", True)
    assert form.value().cups == 3


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("milk", lambda row: row.box.click()),
        ("kind", lambda row: row.combo.activated.emit(1)),
        ("cups", lambda row: row.box.stepUp()),
        ("warmth", lambda row: row.box.stepUp()),
        ("name", lambda row: row.edit.setText("you")),
    ],
)
def test_a_change_by_hand_is_reported(form, qtbot, name, act):
    with qtbot.waitSignal(form.value_changed):
        act(form.rows[name])


def test_a_row_says_what_was_declared(qtbot):
    row = row_of(qtbot, "kind")
    assert [row.combo.itemText(n) for n in range(row.combo.count())] == ["Assam", "green"]
    assert row.findChild(QLabel).text() == "Kind"
    assert "With milk. Cold." in row_of(qtbot, "milk").box.toolTip()


def test_numbers_stay_in_their_limits(qtbot):
    cups = row_of(qtbot, "cups")
    for given, held in [(0, 1), (9, 4)]:
        cups.set_value(given)
        assert cups.value() == held
    warmth = row_of(qtbot, "warmth")
    assert isinstance(warmth, NumberRow)
    assert warmth.box.text() == "Automatic"
    warmth.set_value(7)
    assert warmth.value() == 1
    warmth.box.stepBy(-1000)
    assert warmth.value() is None
    warmth.box.setValue(1e-3)
    assert warmth.value() == pytest.approx(1e-3)


def test_a_word_that_is_forbidden_or_unknown_gives_way_to_the_first(qtbot):
    row = row_of(qtbot, "kind")
    row.forbid("green", "It is out.")
    for word in ("green", "no such tea"):
        row.set_value(word)
        assert row.value() == "black"


def test_a_list_has_no_row():
    class Lists(BaseModel):
        many: tuple[int, ...] = setting((), "Many", "Several.", row="x")

    with pytest.raises(KeyError):
        make_row(Lists.model_fields["many"])
