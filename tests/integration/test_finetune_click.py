"""Paint over what is wrong, click Fine-tune, and there is a model, judged, in every list."""

import numpy as np
import pytest
from napari.layers import Labels

from helpers.clicks import press
from helpers.tiny import smooth_image
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.library import list_models
from napari_unet.widgets.finetune import plan as finetune_plan
from napari_unet.widgets.jobs.job import Job

pytestmark = [pytest.mark.viewer, pytest.mark.usefixtures("few_steps")]
PATIENCE_MS = 60_000


def fine_tune(widget, qtbot):
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        press(widget.form.bar.run_button)
    return ended.args[0]


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_without_labels_the_dock_says_what_to_do(viewer, open_finetune):
    widget = open_finetune()
    assert "Segment an image first" in widget.form.message.text()
    assert not widget.form.bar.run_button.isEnabled()


def test_the_obvious_pair_and_its_model_are_found(viewer, dock, click, open_finetune):
    viewer.add_image(smooth_image((40, 50)), name="cells", scale=(0.5, 0.5), units=("um", "um"))
    click(dock("tiny-classes"))
    widget = open_finetune()
    (pair,) = widget.form.pairs.value()
    assert pair.image.axes == "yx"
    assert widget.form.pairs.labels()[0].name == "cells · tiny-classes"
    assert widget.form.model.value().name == "tiny-classes"
    assert widget.form.name.value() == "tiny-classes-1"
    assert [item.name for item in widget.form.classes.value()] == ["class 0", "class 1", "class 2"]
    assert "Nothing teaches yet" in widget.form.message.text()


def test_a_click_trains_judges_and_saves(viewer, corrected, qtbot):
    widget = corrected
    assert "9,216 pixels" in widget.form.review.summary()
    end = fine_tune(widget, qtbot)
    assert end.kind == "done", end
    assert not widget.form.card.isHidden()
    saved = [entry.name for entry in list_models() if entry.name == "tiny-2d-1"]
    assert bool(saved) == (end.trained.path is not None)
    assert widget.form.panel.isHidden()
    assert widget.form.panel.curves.loss.x
    assert not Job._running


def test_changes_are_a_layer(viewer, corrected, qtbot):
    fine_tune(corrected, qtbot)
    press(corrected.form.card.changes_button)
    layer = viewer.layers["cells · changes"]
    assert isinstance(layer, Labels)
    assert set(np.unique(layer.data)) <= {0, 1}
    qtbot.wait(50)
    assert [fact.name for fact in corrected.form.pairs.labels()] == ["cells · tiny-2d"]


def test_cancel_keeps_nothing(viewer, corrected, qtbot, monkeypatch):
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda _: TrainSettings(batch=2, patch_px=32, device="cpu")
    )
    press(corrected.form.bar.run_button)
    qtbot.waitUntil(lambda: len(corrected.form.panel.curves.loss.x) > 2, timeout=PATIENCE_MS)
    with qtbot.waitSignal(corrected.run_ended, timeout=5000) as ended:
        press(corrected.form.bar.cancel_button)
    assert ended.args[0].kind == "cancelled"
    assert "tiny-2d-1" not in [entry.name for entry in list_models()]
    assert not corrected.form.bar.run_button.isHidden()


def test_pause_rests_and_stop_keeps_and_judges(viewer, corrected, qtbot, monkeypatch):
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda _: TrainSettings(batch=2, patch_px=32, device="cpu")
    )
    press(corrected.form.bar.run_button)
    curves = corrected.form.panel.curves
    qtbot.waitUntil(lambda: len(curves.loss.x) > 2, timeout=PATIENCE_MS)
    press(corrected.form.bar.pause_button)
    qtbot.wait(400)
    rested = len(curves.loss.x)
    qtbot.wait(400)
    assert len(curves.loss.x) == rested
    press(corrected.form.bar.pause_button)
    qtbot.waitUntil(lambda: len(curves.loss.x) > rested, timeout=5000)
    with qtbot.waitSignal(corrected.run_ended, timeout=PATIENCE_MS) as ended:
        press(corrected.form.bar.stop_button)
    assert ended.args[0].kind == "done"
    assert "Stopped after" in corrected.form.message.text()


def test_closing_the_dock_keeps_what_was_learnt(viewer, corrected, qtbot, monkeypatch):
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda _: TrainSettings(batch=2, patch_px=32, device="cpu")
    )
    press(corrected.form.bar.run_button)
    qtbot.waitUntil(lambda: len(corrected.form.panel.curves.loss.x) > 2, timeout=PATIENCE_MS)
    with qtbot.waitSignal(corrected.destroyed, timeout=5000):
        corrected.parent().destroyOnClose()
    qtbot.waitUntil(lambda: not Job._running, timeout=PATIENCE_MS)
    assert "tiny-2d-1" in [entry.name for entry in list_models()]


def test_closing_the_window_keeps_what_was_learnt(viewer, corrected, qtbot, monkeypatch):
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda _: TrainSettings(batch=2, patch_px=32, device="cpu")
    )
    press(corrected.form.bar.run_button)
    qtbot.waitUntil(lambda: len(corrected.form.panel.curves.loss.x) > 2, timeout=PATIENCE_MS)
    viewer.close()
    qtbot.waitUntil(lambda: not Job._running, timeout=PATIENCE_MS)
    assert "tiny-2d-1" in [entry.name for entry in list_models()]


def test_a_running_segmentation_makes_it_wait_and_say_so(viewer, corrected, dock, begin, qtbot):
    from helpers.clicks import long_stack

    viewer.add_image(long_stack(), name="long")
    segment = dock()
    qtbot.wait(50)
    begin(segment)
    press(corrected.form.bar.run_button)
    assert "Waiting for Segmenting long" in corrected.form.bar._note.text()
    with qtbot.waitSignal(segment.run_ended, timeout=5000):
        press(segment.form.bar.cancel_button)
    with qtbot.waitSignal(corrected.run_ended, timeout=PATIENCE_MS):
        pass
