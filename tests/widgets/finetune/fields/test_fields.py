"""The small widgets of the Fine-tune dock, each through its value and its signals."""

import pytest

from helpers.leaves import entry
from helpers.tiny import tiny_spec
from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.fields.name_field import NameField, next_name
from napari_unet.widgets.finetune.fields.budget import BudgetPicker
from napari_unet.widgets.finetune.fields.class_editor import (
    BACKGROUND,
    ClassEditor,
    joined,
    new_class,
)
from napari_unet.widgets.finetune.fields.review_bar import NOTHING, ReviewBar
from napari_unet.widgets.finetune.fields.start_model import SCRATCH, ParentPicker
from napari_unet.widgets.finetune.options import FinetuneOptions
from napari_unet.widgets.finetune.order import TrainChoices

AXON, MYELIN = ClassSpec(name="axon", colour="#3a86ff"), ClassSpec(name="myelin", colour="#ffbe0b")


@pytest.mark.parametrize(("wanted", "given"), [(1.0, 1.0), (3.0, 3.0), (None, None), (7.0, 10.0)])
def test_a_budget_is_minutes_or_none(qtbot, wanted, given):
    picker = BudgetPicker()
    qtbot.addWidget(picker)
    picker.set_value(wanted)
    assert picker.value() == given


def test_the_first_budget_is_a_minute(qtbot):
    picker = BudgetPicker()
    qtbot.addWidget(picker)
    assert picker.value() == 1.0


def test_a_name_is_offered_with_the_next_free_number(qtbot):
    field = NameField()
    qtbot.addWidget(field)
    field.set_parent_name("cells", ["cells", "Cells-1"])
    assert field.value() == "cells-2"
    assert next_name("cells-2", {"cells-1", "cells-2"}) == "cells-3"


def test_a_typed_name_stays_until_it_is_taken(qtbot):
    field = NameField()
    qtbot.addWidget(field)
    field.set_parent_name("cells", ["cells"])
    field.set_value("mine")
    field.set_parent_name("cells", ["cells", "cells-1"])
    assert field.value() == "mine"
    field.set_parent_name("cells", ["cells", "mine"])
    assert field.value() == "cells-1"


@pytest.mark.parametrize(
    ("name", "word"),
    [("", "needs a name"), ("a/b", "can not contain /"), (".a", "point"), ("Cells", "already")],
)
def test_a_name_that_can_not_be_is_reported(qtbot, name, word):
    field = NameField()
    qtbot.addWidget(field)
    field.set_parent_name("cells", ["cells"])
    assert field.problem() == ""
    field.set_value(name)
    assert word in field.problem()


def test_classes_of_the_old_model_are_kept_and_one_can_be_added(qtbot):
    editor = ClassEditor()
    qtbot.addWidget(editor)
    editor.set_value((BACKGROUND, AXON), 2)
    with qtbot.waitSignals([editor.class_added, editor.value_changed]):
        editor._add.click()
    assert [item.name for item in editor.value()] == ["background", "axon", "class 2"]
    editor._edits[0].setText("myelin")
    assert editor.value()[2].name == "myelin"
    assert editor.value()[2].colour != AXON.colour
    assert editor.problem() == ""


@pytest.mark.parametrize(
    ("name", "word"), [("", "needs a name"), ("axon", "Two classes are called axon")]
)
def test_class_names_are_checked(qtbot, name, word):
    editor = ClassEditor()
    qtbot.addWidget(editor)
    editor.set_value((BACKGROUND, AXON, MYELIN), 2)
    editor._edits[0].setText(name)
    assert word in editor.problem()


def test_labels_bring_classes_beyond_the_parents():
    assert joined((BACKGROUND, AXON), [(BACKGROUND, AXON, MYELIN), (BACKGROUND,)]) == (
        BACKGROUND,
        AXON,
        MYELIN,
    )
    assert joined((), [])[1:] == (new_class((BACKGROUND,)),)
    again = joined((BACKGROUND, AXON), [(BACKGROUND, MYELIN, AXON)])
    assert [item.name for item in again] == ["background", "axon", "class 2"]


@pytest.mark.parametrize(
    ("parent", "found", "classes"),
    [
        ((BACKGROUND, AXON), range(5), 5),
        ((BACKGROUND, AXON), range(9), 9),
        ((BACKGROUND, AXON), range(10), 2),
        ((BACKGROUND, AXON), (0, 1, 200), 2),
        ((), range(33), 33),
        ((), range(34), 2),
    ],
)
def test_so_many_labels_are_objects_and_no_classes(parent, found, classes):
    assert len(joined(parent, [], set(found))) == classes


def test_the_parent_is_what_made_the_labels_until_a_hand_chooses(qtbot):
    picker = ParentPicker()
    qtbot.addWidget(picker)
    assert picker.from_scratch()
    picker.set_entries([entry("a"), other := entry("b", tiny_spec(classes=3))])
    assert picker.value().name == "a"
    picker.set_parent("ab" * 32)
    assert picker.value().name == "a"
    picker._choose(SCRATCH)
    picker._combo.activated.emit(picker._combo.findText(other.name))
    picker.set_parent("ab" * 32)
    assert picker.value().name == "b"


def test_to_start_from_nothing_says_what_it_takes(qtbot):
    picker = ParentPicker()
    qtbot.addWidget(picker)
    picker.set_entries([entry("a")])
    picker.value_changed.connect(lambda: picker.set_parent("ab" * 32))  # as the dock does
    picker._combo.activated.emit(picker._combo.findText(SCRATCH.name))
    assert picker.from_scratch()
    picker.set_entries([entry("a"), entry("b")])
    assert picker.from_scratch()
    assert "more labels" in picker._note.text()


def test_options_are_what_was_set(qtbot):
    form = FinetuneOptions()
    qtbot.addWidget(form)
    assert form.value() == TrainChoices()
    mine = TrainChoices(device="cpu", seed=5, keep_what_it_knew=True, separate=True)
    form.set_value(mine)
    assert form.value() == mine
    form.set_has_parent(False)
    assert not form.value().keep_what_it_knew
    assert form.chosen().keep_what_it_knew


def test_the_trust_bar_says_what_teaches(qtbot):
    bar = ReviewBar()
    qtbot.addWidget(bar)
    assert bar.summary() == NOTHING
    bar.set_summary("3 slices, 41,200 voxels, classes axon, myelin")
    assert bar.summary() == "3 slices, 41,200 voxels, classes axon, myelin"
    assert not bar.whole_button.isEnabled()


@pytest.mark.parametrize("name", ["slice", "region", "whole"])
def test_the_trust_bar_asks_for_reviews(qtbot, name):
    bar = ReviewBar()
    qtbot.addWidget(bar)
    bar.set_active(True, has_slices=True)
    with qtbot.waitSignal(getattr(bar, f"{name}_requested")):
        getattr(bar, f"{name}_button").click()


def test_a_single_plane_has_no_slices(qtbot):
    bar = ReviewBar()
    qtbot.addWidget(bar)
    bar.set_active(True, has_slices=False)
    assert bar.slice_button.isHidden()


def test_strokes_of_a_lost_session_are_offered(qtbot):
    bar = ReviewBar()
    qtbot.addWidget(bar)
    assert bar._offer.isHidden()
    bar.set_offer("34 strokes were kept.")
    with qtbot.waitSignal(bar.restore_requested):
        bar.restore_button.click()
    bar.set_offer("")
    assert bar._offer.isHidden()
