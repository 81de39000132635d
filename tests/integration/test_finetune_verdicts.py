"""What follows from each verdict, clicked through; a full disk; and a training that was
interrupted.
"""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from helpers.clicks import press
from napari_unet.errors import OutputError
from napari_unet.learn.judging import comparison
from napari_unet.model.library import list_models, load_model
from napari_unet.widgets.finetune import task as finetune_work
from napari_unet.widgets.finetune.fields.start_model import SCRATCH
from napari_unet.widgets.finetune.task import Reporter, save
from napari_unet.widgets.finetune.unfinished import interrupted, turn_of

pytestmark = [pytest.mark.viewer, pytest.mark.usefixtures("few_steps")]
PATIENCE_MS = 60_000


@pytest.fixture
def force(monkeypatch):
    """Let the verdict be this one, whatever was learnt."""
    judge = comparison.judge

    def force_kind(kind):
        monkeypatch.setattr(comparison, "judge", lambda *given: replace(judge(*given), kind=kind))

    return force_kind


def fine_tune(widget, qtbot):
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        press(widget.form.bar.run_button)
    return ended.args[0]


def buttons(widget) -> list[str]:
    return [button.text() for button in widget.form.card.buttons() if not button.isHidden()]


def saved() -> list[str]:
    return [entry.name for entry in list_models() if entry.name.startswith("tiny-2d-")]


def chosen(dock) -> str:
    return dock.form.model.value().name


def test_a_child_that_won_is_saved_segments_and_can_be_left_again(
    viewer, corrected, dock, qtbot, force
):
    force("child")
    segment = dock()
    assert fine_tune(corrected, qtbot).trained.path is not None
    assert saved() == ["tiny-2d-1"]
    assert buttons(corrected) == ["Segment with it", "Go back", "Show changes"]
    before = viewer.layers["cells · tiny-2d"].data.copy()
    corrected.form.card.segment_button.resize(
        100, 30
    )  # a window that was never shown has not laid it out
    with qtbot.waitSignal(segment.run_ended, timeout=PATIENCE_MS):
        press(corrected.form.card.segment_button)
    np.testing.assert_array_equal(
        viewer.layers["cells · tiny-2d-1"].data, before
    )  # all of it was vouched for
    qtbot.waitUntil(lambda: (chosen(segment), chosen(corrected)) == ("tiny-2d-1", "tiny-2d-1"))
    press(corrected.form.card.back_button)
    assert (chosen(segment), chosen(corrected)) == ("tiny-2d", "tiny-2d")
    assert buttons(corrected) == ["Use anyway", "Show changes"]
    assert saved() == ["tiny-2d-1"]


@pytest.mark.parametrize("kind", ["tie", "parent"])
def test_without_a_winner_the_old_model_stays_until_a_hand_says_otherwise(
    viewer, corrected, dock, qtbot, force, kind
):
    force(kind)
    segment = dock()
    assert fine_tune(corrected, qtbot).trained.path is None
    assert (saved(), chosen(segment)) == ([], "tiny-2d")
    assert buttons(corrected) == ["Use anyway", "Show changes"]
    press(corrected.form.card.anyway_button)
    qtbot.waitUntil(lambda: saved() == ["tiny-2d-1"], timeout=5000)
    qtbot.waitUntil(lambda: chosen(segment) == "tiny-2d-1")
    assert buttons(corrected) == ["Segment with it", "Go back", "Show changes"]
    assert "Learnt from tiny-2d" in segment.form.model._note.text()


def test_what_was_not_judged_is_saved_and_not_chosen(viewer, corrected, dock, qtbot, force):
    force("not judged")
    segment = dock()
    fine_tune(corrected, qtbot)
    assert (saved(), chosen(segment)) == (["tiny-2d-1"], "tiny-2d")
    assert buttons(corrected) == ["Use anyway", "Show changes"]
    press(corrected.form.card.anyway_button)
    assert chosen(segment) == "tiny-2d-1"


def test_a_model_from_nothing_segments_at_once(viewer, corrected, dock, qtbot):
    combo = corrected.form.model._combo
    combo.activated.emit(combo.findText(SCRATCH.name))
    assert corrected.form.model.from_scratch()
    qtbot.waitUntil(corrected.form.bar.run_button.isEnabled, timeout=5000)
    end = fine_tune(corrected, qtbot)
    assert end.trained.result.verdict.kind == "not judged"
    assert buttons(corrected) == ["Segment with it"]


def test_a_model_from_nothing_that_learnt_nothing_is_kept_and_not_praised(
    viewer, corrected, dock, qtbot, force, monkeypatch
):
    force("not learnt")
    said = []
    say = corrected.form.message.say
    monkeypatch.setattr(
        corrected.form.message, "say", lambda *given: (said.append(given), say(*given))
    )
    combo = corrected.form.model._combo
    combo.activated.emit(combo.findText(SCRATCH.name))
    qtbot.waitUntil(corrected.form.bar.run_button.isEnabled, timeout=5000)
    end = fine_tune(corrected, qtbot)
    assert end.trained.path is not None
    assert [kind for text, *kind in said if "Saved as" in text] == [["info"]]
    assert buttons(corrected) == ["Use anyway"]


def test_stop_and_keep_keeps_after_a_tie_but_does_not_choose(
    viewer, corrected, dock, qtbot, force, monkeypatch
):
    force("tie")
    segment = dock()
    press(corrected.form.bar.run_button)
    qtbot.waitUntil(lambda: bool(corrected.form.panel.curves.loss.x), timeout=PATIENCE_MS)
    with qtbot.waitSignal(corrected.run_ended, timeout=PATIENCE_MS):
        press(corrected.form.bar.stop_button)
    assert (saved(), chosen(segment)) == (["tiny-2d-1"], "tiny-2d")
    assert "Saved as tiny-2d-1; tiny-2d stays chosen." in corrected.form.message.text()
    assert buttons(corrected) == ["Use anyway", "Show changes"]


@pytest.mark.parametrize("kind", ["child", "not judged"])
def test_a_full_disk_loses_nothing(viewer, corrected, qtbot, force, monkeypatch, tmp_path, kind):
    force(kind)

    def full(*_: object) -> None:
        raise OutputError("Can not write the model: No space left on device.")

    monkeypatch.setattr(finetune_work, "save", full)
    end = fine_tune(corrected, qtbot)
    assert (end.kind, end.trained.path, saved()) == ("done", None, [])
    assert "No space left" in corrected.form.message.text()
    assert buttons(corrected) == ["Save again", "Save elsewhere…", "Show changes"]
    assert interrupted(
        tmp_path / "tiny-2d-1.safetensors"
    )  # were napari closed now, the training could be resumed
    with qtbot.waitSignal(corrected.outcome.message, timeout=5000) as said:
        press(corrected.form.card.anyway_button)
    assert said.args == ["Can not write the model: No space left on device.", "error"]
    monkeypatch.setattr(finetune_work, "save", save)
    press(corrected.form.card.anyway_button)
    qtbot.waitUntil(lambda: saved() == ["tiny-2d-1"], timeout=5000)
    first = "Segment with it" if kind == "child" else "Use anyway"
    qtbot.waitUntil(lambda: buttons(corrected)[0] == first, timeout=5000)
    assert not interrupted(tmp_path / "tiny-2d-1.safetensors")


@pytest.mark.parametrize("kind", ["child", "not judged"])
def test_where_the_models_folder_can_not_be_written_the_model_is_saved_elsewhere(
    viewer, corrected, dock, qtbot, force, monkeypatch, tmp_path, kind
):
    force(kind)
    segment = dock()
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:  # not even its folder can be made
        patch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "file" / "models"))
        end = fine_tune(corrected, qtbot)
        assert (end.kind, end.trained.path) == ("done", None)
        text = corrected.form.message.text()
        assert f"Can not write into {tmp_path / 'file' / 'models'}" in text
        assert "kept in memory only" in text
        path = tmp_path / "elsewhere" / "mine.safetensors"
        chosen_file = (str(path.with_suffix("")), "")
        patch.setattr(QFileDialog, "getSaveFileName", lambda *_: chosen_file)
        with qtbot.waitSignal(corrected.outcome.message, timeout=5000) as said:
            press(corrected.form.card.elsewhere_button)
        assert said.args[0].startswith("No checkpoint can be written: Can not write into")
        assert said.args[0].endswith(f"Saved as {path}.")
        model = load_model(path)
        assert model.weights_sha256 == end.trained.result.model.weights_sha256
        first = corrected.form.card.segment_button
        with qtbot.waitSignal(segment.run_ended, timeout=PATIENCE_MS) as ended:
            press(first if kind == "child" else corrected.form.card.anyway_button)
            if kind != "child":
                press(first)
        assert ended.args[0].kind == "done"
        assert segment.form.model.value().path == path


@pytest.fixture
def break_off(monkeypatch):
    """Let a training end after six steps as a crash would end it."""
    progress = Reporter.progress

    def breaks(self, news):
        progress(self, news)
        if news.done == 6:
            raise RuntimeError("the power is gone")

    def break_now(broken):
        monkeypatch.setattr(Reporter, "progress", breaks if broken else progress)

    return break_now


def test_an_interrupted_training_is_resumed_to_the_same_bits(viewer, corrected, qtbot, break_off):
    whole = fine_tune(corrected, qtbot).trained.result
    corrected.form.name.set_value("again")
    corrected.show_readiness()
    break_off(True)
    turn_back(whole)
    assert fine_tune(corrected, qtbot).kind == "failed"
    break_off(False)
    assert corrected.form.resume.isVisibleTo(corrected)
    assert "Resume the interrupted training" in corrected.form.resume.text()
    result = fine_tune(corrected, qtbot).trained.result
    assert "Resumed the interrupted training" in corrected.form.message.text()
    assert result.model.weights_sha256 == whole.model.weights_sha256
    assert min(corrected.form.panel.curves.loss.x) > 5
    assert corrected.form.resume.isHidden()


def turn_back(result) -> None:
    """Let the next training of the same parent hold out what this one held out."""
    from napari_unet.model.library import user_folder

    (user_folder() / "unfinished" / "turns.json").write_text("{}")
    assert turn_of(result.parent.weights_sha256) is None


def test_an_interrupted_training_of_other_labels_begins_anew(viewer, corrected, qtbot, break_off):
    break_off(True)
    fine_tune(corrected, qtbot)
    break_off(False)
    layer = viewer.layers["cells · tiny-2d"]
    layer.data[:48] = 1 - layer.data[:48]
    layer.refresh()
    end = fine_tune(corrected, qtbot)
    assert end.kind == "done"
    assert "Resumed" not in corrected.form.message.text()
    assert len(end.trained.result.history.losses) == 12
    assert min(corrected.form.panel.curves.loss.x) == 1


def test_the_next_training_of_the_same_model_holds_out_another_part(
    viewer, corrected, qtbot, force
):
    force("tie")
    turns = []
    for _ in range(3):
        result = fine_tune(corrected, qtbot).trained.result
        turns.append(result.settings.held_out_turn)
    assert turns == [1, 2, 3]
    assert turn_of(result.parent.weights_sha256) == 4
