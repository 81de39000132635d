"""What is folded away: a part of the image, kept probabilities, and a threshold that moves."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

import napari_unet as nu
from helpers.tiny import smooth_image
from napari_unet.segment.engine.kinds import NO_HALF
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer


def test_the_current_slice_only(viewer, dock, click):
    stack = smooth_image((4, 40, 50))
    viewer.add_image(stack, name="stack")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(current_slice_only=True))
    viewer.dims.set_current_step(0, 2)
    click(widget)
    labels = viewer.layers["stack · tiny-2d"]
    np.testing.assert_array_equal(labels.data[2], nu.segment(stack, nu.load_model("tiny-2d"))[2])
    assert not labels.data[[0, 1, 3]].any()
    assert labels.metadata[MARK]["done_map"].all(axis=(1, 2)).tolist() == [
        False,
        False,
        True,
        False,
    ]
    assert "stack · tiny-2d (not computed)" in viewer.layers


def test_the_visible_region_only(viewer, dock, click):
    image = smooth_image((60, 80))
    layer = viewer.add_image(image, name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(region_in_view_only=True))
    layer.corner_pixels = np.array([[10, 20], [29, 49]])
    click(widget)
    labels = viewer.layers["cells · tiny-2d"]
    whole = nu.segment(image, nu.load_model("tiny-2d"))
    np.testing.assert_array_equal(labels.data[10:30, 20:50], whole[10:30, 20:50])
    done = labels.metadata[MARK]["done_map"]
    assert done[10:30, 20:50].all()
    assert done.sum() == 600


def test_what_is_seen_has_a_button(viewer, dock, qtbot):
    stack = smooth_image((4, 200, 200))
    viewer.add_image(stack, name="stack")
    viewer.dims.set_current_step(0, 2)
    widget = dock()
    viewer.layers["stack"].corner_pixels = np.array([[0, 10, 20], [3, 99, 89]])
    (button,) = (
        button
        for button in widget.form.bar.findChildren(QPushButton)
        if button.text() == "What I see"
    )
    assert not button.isHidden()
    with qtbot.waitSignal(widget.run_ended, timeout=30_000) as ended:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert button.isHidden()
    assert ended.args[0].kind == "done"
    done = viewer.layers["stack · tiny-2d"].metadata[MARK]["done_map"]
    assert done[2, 10:100, 20:90].all()
    assert done.sum() == 90 * 70
    assert not button.isHidden()
    assert not widget.form.options.value().region_in_view_only


def test_the_threshold_moves_without_a_new_run(viewer, dock, click, qtbot):
    viewer.add_image(smooth_image((60, 80)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    click(widget)
    labels = viewer.layers["cells · tiny-2d"]
    probabilities = viewer.layers["cells · tiny-2d: probability of class 1"].data.copy()
    for threshold in (0.7, 0.4):
        widget.form.options.threshold.slider.setValue(threshold)
        wanted = probabilities >= widget.form.options.threshold.slider.value()
        qtbot.waitUntil(lambda wanted=wanted: (labels.data == wanted).all(), timeout=2000)
    # the hatching leaves a little after the run has ended; then there is the one result, with its
    # probabilities
    qtbot.waitUntil(lambda: len([layer for layer in viewer.layers if "tiny-2d" in layer.name]) == 2)


def test_a_moved_threshold_gives_the_labels_of_a_new_run(viewer, dock, click, begin, qtbot):
    stack = smooth_image((200, 48, 48))
    viewer.add_image(stack, name="stack")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    begin(widget)
    with qtbot.waitSignal(widget.run_ended, timeout=20_000):
        widget.form.options.threshold.slider.setValue(
            0.3
        )  # during the run, which has its own threshold
    labels = viewer.layers["stack · tiny-2d"]
    model = nu.load_model("tiny-2d")
    np.testing.assert_array_equal(labels.data, nu.segment(stack, model))
    probabilities = viewer.layers["stack · tiny-2d: probability of class 1"].data
    for threshold in (0.75, 0.25):
        widget.form.options.threshold.slider.setValue(threshold)
        wanted = nu.segment(stack, model, settings=nu.SegmentSettings(threshold=threshold))
        # rounded onto the threshold: on which side they were is not stored
        undecided = probabilities == np.float16(threshold)
        assert undecided.mean() < 0.001
        qtbot.waitUntil(
            lambda same=(wanted, undecided): ((labels.data == same[0]) | same[1]).all(),
            timeout=2000,
        )


def test_choosing_another_model_leaves_the_result_as_it_is(viewer, dock, click, qtbot):
    viewer.add_image(smooth_image((60, 80)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True, threshold=0.7))
    click(widget)
    labels = viewer.layers["cells · tiny-2d"]
    before = labels.data.copy()
    for model in ("tiny-classes", "tiny-spacing", "tiny-2d"):
        widget.form.model.set_value(model)
        if model != "tiny-2d":
            widget.form.options.threshold.slider.setValue(0.3)
        qtbot.wait(30)
        np.testing.assert_array_equal(labels.data, before)


def test_a_threshold_before_the_run_is_used_and_can_be_moved_back(viewer, dock, click, qtbot):
    image = smooth_image((60, 80))
    viewer.add_image(image, name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True, threshold=0.7))
    click(widget)
    labels = viewer.layers["cells · tiny-2d"]
    expected = nu.segment(
        image, nu.load_model("tiny-2d"), settings=nu.SegmentSettings(threshold=0.7)
    )
    np.testing.assert_array_equal(labels.data, expected)
    widget.form.options.threshold.slider.setValue(0.5)
    default = nu.segment(image, nu.load_model("tiny-2d"))
    undecided = viewer.layers["cells · tiny-2d: probability of class 1"].data == 0.5
    qtbot.waitUntil(lambda: ((labels.data == default) | undecided).all(), timeout=2000)


def test_probabilities_of_several_classes(viewer, dock, click):
    viewer.add_image(smooth_image((40, 50)), name="cells")
    widget = dock("tiny-classes")
    assert widget.form.options.threshold.isHidden()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    click(widget)
    layers = [layer for layer in viewer.layers if "probability" in layer.name]
    assert [layer.name.rpartition(" of ")[2] for layer in layers] == ["class 1", "class 2"]
    total = sum(layer.data.astype(float) for layer in layers)
    assert ((total > 0) & (total <= 1.01)).all()


def test_half_precision_is_chosen_and_told(viewer, dock, click):
    viewer.add_image(smooth_image((60, 80)), name="cells")
    widget = dock()
    labels = []
    for precision in ("float32", "half"):
        widget.form.options.set_value(SegmentChoices(precision=precision))
        assert click(widget).kind == "done"
        layer = next(
            layer
            for layer in reversed(viewer.layers)
            if "precision" in layer.metadata.get(MARK, {})
        )
        labels.append(layer.data.copy())
        facts = layer.metadata[MARK]
        assert facts["settings"]["precision"] == precision
    assert (" in bfloat16" in facts["engine"]) == (facts["precision"] == "half")
    assert facts["precision"] == "half" or NO_HALF in widget.form.message.text()
    assert (labels[0] != labels[1]).mean() < 0.05
