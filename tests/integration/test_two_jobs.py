"""Two jobs in one window, and clicks while one runs: each gives what was chosen when it began, one
after the other, and nothing is left when the window is closed.
"""

import numpy as np
import pytest

import napari_unet as nu
from helpers.clicks import long_stack, press
from helpers.tiny import smooth_image
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.library import list_models, save_model
from napari_unet.widgets.finetune import plan as finetune_plan
from napari_unet.widgets.finetune import task
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.segment.dock import SegmentWidget
from napari_unet.widgets.viewer.layer_facts import MARK, layer_facts_of

pytestmark = pytest.mark.viewer
PATIENCE_MS = 60_000


@pytest.fixture
def endless(monkeypatch) -> None:
    """A training goes on until it is stopped."""
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda *_: TrainSettings(batch=2, patch_px=32, device="cpu")
    )


@pytest.fixture
def learning(viewer, corrected, endless, qtbot):
    """A training that has taken some steps."""
    press(corrected.form.bar.run_button)
    qtbot.waitUntil(lambda: len(corrected.form.panel.curves.loss.x) > 2, timeout=PATIENCE_MS)
    return corrected


@pytest.fixture
def second(viewer, qtbot) -> SegmentWidget:
    """A second Segment dock, as a script or another plugin may open it."""
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.form.model.set_value("tiny-2d")
    return widget


def add_and_choose(viewer, widget, image: np.ndarray, name: str, qtbot) -> None:
    """Add an image, which the dock chooses since it is new."""
    key = layer_facts_of(viewer.add_image(image, name=name)).key
    qtbot.waitUntil(lambda: widget.form.image.value().layers == (key,), timeout=5000)


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def own_models() -> list[str]:
    return [entry.name for entry in list_models() if entry.name.startswith("tiny-2d-")]


def of_python(image: np.ndarray) -> np.ndarray:
    return nu.segment(image, nu.load_model("tiny-2d"))


def test_segmenting_while_fine_tuning_waits_and_gives_what_was_chosen(
    viewer, learning, dock, qtbot
):
    image = smooth_image((64, 80), seed=3)
    segment = dock()
    add_and_choose(viewer, segment, image, "other", qtbot)
    press(segment.form.bar.run_button)
    assert "Waiting for Training tiny-2d-1" in segment.form.bar._note.text()
    steps = len(learning.form.panel.curves.loss.x)
    qtbot.waitUntil(lambda: len(learning.form.panel.curves.loss.x) > steps, timeout=PATIENCE_MS)
    assert segment.run.tiles == (0, 0)
    ends = []  # pytest-qt does not know the arguments of several signals of PySide6
    for widget in (learning, segment):
        widget.run_ended.connect(lambda end: ends.append(end.kind))
    with qtbot.waitSignals([learning.run_ended, segment.run_ended], timeout=PATIENCE_MS):
        press(learning.form.bar.stop_button)
    assert ends == ["done", "done"]
    labels = viewer.layers["other · tiny-2d"]
    np.testing.assert_array_equal(labels.data, of_python(image))
    assert labels.metadata[MARK]["complete"]
    assert own_models() == ["tiny-2d-1"]


def test_a_segmentation_that_waits_for_a_training_can_be_cancelled(viewer, learning, dock, qtbot):
    viewer.add_image(smooth_image((64, 80), seed=3), name="other")
    segment = dock()
    qtbot.waitUntil(lambda: segment.form.bar.run_button.isEnabled())
    before = names(viewer)
    press(segment.form.bar.run_button)
    with qtbot.waitSignal(segment.run_ended, timeout=2000) as ended:
        press(segment.form.bar.cancel_button)
    assert (ended.args[0].kind, names(viewer)) == ("cancelled", before)
    steps = len(learning.form.panel.curves.loss.x)
    qtbot.waitUntil(lambda: len(learning.form.panel.curves.loss.x) > steps, timeout=PATIENCE_MS)
    with qtbot.waitSignal(learning.run_ended, timeout=PATIENCE_MS):
        press(learning.form.bar.stop_button)


def test_painting_while_fine_tuning_is_for_the_next_one(viewer, learning, qtbot):
    labels = viewer.layers["cells · tiny-2d"]
    with labels.block_history():
        labels.paint((30, 30), 1)
    assert labels.data[30, 30] == 1
    with qtbot.waitSignal(learning.run_ended, timeout=PATIENCE_MS) as ended:
        press(learning.form.bar.stop_button)
    assert ended.args[0].kind == "done"
    assert labels.data[30, 30] == 1


def test_two_layers_are_segmented_one_after_the_other(viewer, dock, click, qtbot):
    images = {f"image {seed}": smooth_image((64, 80), seed=seed) for seed in (1, 2)}
    widget = dock()
    for name, image in images.items():
        add_and_choose(viewer, widget, image, name, qtbot)
        assert click(widget).kind == "done"
    for name, image in images.items():
        np.testing.assert_array_equal(viewer.layers[f"{name} · tiny-2d"].data, of_python(image))


def test_two_docks_fill_two_layers_in_the_order_of_the_clicks(viewer, dock, begin, second, qtbot):
    image = long_stack()[:60]
    viewer.add_image(image, name="first")
    first = dock()
    begin(first)
    other = smooth_image((64, 80), seed=2)
    add_and_choose(viewer, second, other, "second", qtbot)
    ends: list[str] = []
    first.run_ended.connect(lambda end: ends.append(f"first {end.kind}"))
    second.run_ended.connect(lambda end: ends.append(f"second {end.kind}"))
    press(second.form.bar.run_button)
    qtbot.waitUntil(lambda: len(ends) == 2, timeout=PATIENCE_MS)
    assert ends == ["first done", "second done"]
    np.testing.assert_array_equal(viewer.layers["first · tiny-2d"].data, of_python(image))
    np.testing.assert_array_equal(viewer.layers["second · tiny-2d"].data, of_python(other))


def test_clicks_during_a_run_change_nothing_of_it(viewer, dock, begin, qtbot):
    image = long_stack()[:60]
    viewer.add_image(image, name="cells")
    widget = dock()
    begin(widget)
    run = widget.run
    for _ in range(3):
        press(widget.form.bar.run_button)
        widget._on_run_requested()  # as a key or a script may, while the button is hidden
    viewer.add_image(smooth_image((64, 80)), name="other")
    widget.form.model.set_value("tiny-classes")
    qtbot.wait(20)
    assert widget.run is run
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        pass
    assert ended.args[0].kind == "done"
    qtbot.waitUntil(lambda: names(viewer) == ["cells", "cells · tiny-2d", "other"], timeout=5000)
    np.testing.assert_array_equal(viewer.layers["cells · tiny-2d"].data, of_python(image))


def test_an_image_that_is_removed_while_its_run_waits_does_no_harm(
    viewer, dock, begin, second, qtbot
):
    viewer.add_image(long_stack(), name="long")
    first = dock()
    begin(first)
    image = smooth_image((64, 80), seed=2)
    add_and_choose(viewer, second, image, "gone", qtbot)
    press(second.form.bar.run_button)
    viewer.layers.remove("gone")
    with qtbot.waitSignal(second.run_ended, timeout=PATIENCE_MS) as ended:
        press(first.form.bar.cancel_button)
    assert ended.args[0].kind == "done"
    np.testing.assert_array_equal(viewer.layers["gone · tiny-2d"].data, of_python(image))


def test_closing_the_window_ends_what_runs_and_what_waits(viewer, dock, begin, second, qtbot):
    viewer.add_image(long_stack(), name="long")
    begin(dock())
    press(second.form.bar.run_button)
    assert len(Job._queue) == 1
    viewer.close()
    qtbot.waitUntil(lambda: not (Job._running or Job._queue), timeout=PATIENCE_MS)
    assert second.run is None or second.run.tiles == (0, 0)


def test_closing_the_window_with_a_segmentation_behind_a_training_keeps_what_was_learnt(
    viewer, learning, dock, qtbot
):
    segment = dock()
    qtbot.waitUntil(lambda: segment.form.bar.run_button.isEnabled())
    press(segment.form.bar.run_button)
    assert len(Job._queue) == 1
    viewer.close()
    qtbot.waitUntil(lambda: not (Job._running or Job._queue), timeout=PATIENCE_MS)
    assert own_models() == ["tiny-2d-1"]


def test_closing_the_window_loses_no_model_whose_folder_can_not_be_written(
    viewer, learning, qtbot, monkeypatch, tmp_path
):
    (tmp_path / "file").touch()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = tmp_path / "file" / "tiny-2d-1.safetensors"
    monkeypatch.setattr(task, "save", lambda model, _: save_model(model, path))
    viewer.close()
    qtbot.waitUntil(lambda: not Job._running, timeout=PATIENCE_MS)
    (saved,) = (tmp_path / "here").iterdir()
    assert saved.name.startswith("tiny-2d-1-")
    assert nu.load_model(str(saved)).spec.name == "tiny-2d-1"
