"""Segmenting again keeps what was corrected, and moving the threshold keeps what is trusted."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtWidgets import QPushButton

import napari_unet as nu
from helpers.clicks import long_stack, press
from helpers.strokes import Hand
from helpers.tiny import smooth_image
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.widgets.painting.review import slice_is_right
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track, trust_of_layer
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.dock import SegmentWidget

pytestmark = pytest.mark.viewer


@pytest.fixture
def image(viewer):
    return viewer.add_image(smooth_image((3, 80, 100)), name="cells", scale=(2, 0.5, 0.5)).data


def results(viewer) -> list[Labels]:
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def ended(widget, button: QPushButton, qtbot) -> None:
    press(button)
    qtbot.waitUntil(lambda: widget.run is None, timeout=20_000)


def painted_after_a_stop(viewer, dock, begin, qtbot) -> tuple[SegmentWidget, Labels]:
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    ended(widget, widget.form.bar.stop_button, qtbot)
    old = results(viewer)[0]
    old.paint((0, 20, 20), 3)
    return widget, old


def test_a_result_is_followed_from_what_the_model_said(viewer, dock, click, image):
    click(dock())
    labels = results(viewer)[0]
    assert not copy_corrections(labels).trust.any()
    Hand(viewer, labels).use("paint", 1, 9).drag((40, 50))
    found = copy_corrections(labels)
    assert found.trust.sum() == (found.trust > 0).sum() > 60


def test_trusted_voxels_are_carried_into_the_new_result(viewer, dock, click, image):
    widget = dock()
    click(widget)
    old = results(viewer)[0]
    hand = Hand(viewer, old)
    viewer.dims.set_current_step(0, 1)
    hand.use("paint", 3, 15).drag((20, 20), (30, 60))
    viewer.dims.set_current_step(0, 2)
    slice_is_right(viewer, old)
    before = copy_corrections(old)
    click(widget)
    new = results(viewer)[1]
    plain = nu.segment(image, nu.load_model("tiny-2d"))
    carried = copy_corrections(new)
    np.testing.assert_array_equal(carried.trust, before.trust)
    np.testing.assert_array_equal(carried.labels, before.labels)
    np.testing.assert_array_equal(new.data, np.where(before.trust > 0, old.data, plain))
    assert (carried.trust == PAINTED).any()
    assert (carried.trust[2] == REVIEWED).all()
    assert not old.visible
    np.testing.assert_array_equal(copy_corrections(old).trust, before.trust)


def test_a_hidden_result_is_not_carried_over(viewer, dock, click, image):
    widget = dock()
    click(widget)
    old = results(viewer)[0]
    old.paint((1, 20, 20), 3)
    old.visible = False
    click(widget)
    assert not copy_corrections(results(viewer)[1]).trust.any()


def test_the_corrections_of_another_image_are_not_carried_over(viewer, dock, click, image, qtbot):
    widget = dock()
    click(widget)
    results(viewer)[0].paint((1, 20, 20), 3)
    viewer.add_image(smooth_image((3, 80, 100), 5), name="others", scale=(2, 0.5, 0.5))
    key = next(item.key for item in widget._watch.facts() if item.name == "others")
    qtbot.waitUntil(lambda: widget.form.image.value().layers == (key,))  # what is new is chosen
    click(widget)
    assert results(viewer)[-1].name == "others · tiny-2d"
    assert not copy_corrections(results(viewer)[-1]).trust.any()


def test_what_is_painted_on_the_old_result_during_the_run_is_carried_too(
    viewer, dock, click, begin, qtbot
):
    widget, old = painted_after_a_stop(viewer, dock, begin, qtbot)
    begin(widget)
    new = results(viewer)[1]
    assert new.data[0, 20, 20] == 3  # from the beginning
    old.paint((0, 70, 70), 4)
    old.undo()
    old.paint((0, 60, 60), 5)
    ended(widget, widget.form.bar.stop_button, qtbot)
    assert (new.data[0, 20, 20], new.data[0, 60, 60]) == (3, 5)
    assert trust_of_layer(new).amount().labels == trust_of_layer(old).amount().labels
    assert not old.visible


def test_nothing_of_a_result_that_grows_is_taken_for_a_correction(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    labels = results(viewer)[0]
    trust = track(labels)  # as a dock does that is open meanwhile
    labels.refresh()
    qtbot.wait(400)
    ended(widget, widget.form.bar.stop_button, qtbot)
    assert labels.data.any()
    assert not copy_corrections(labels).trust.any()
    labels.data[0, 5, 5] = 7  # by another plugin, and noticed from now on
    assert trust.find_all().labels == {7: 1}


def test_a_cancelled_run_leaves_the_old_result_as_it_was(viewer, dock, click, begin, qtbot):
    widget, old = painted_after_a_stop(viewer, dock, begin, qtbot)
    begin(widget)
    ended(widget, widget.form.bar.cancel_button, qtbot)
    qtbot.waitUntil(lambda: len(results(viewer)) == 1)
    assert old.visible
    assert trust_of_layer(old).amount().voxels > 0


def test_a_moved_threshold_leaves_what_is_trusted_and_trusts_nothing_new(
    viewer, dock, click, qtbot
):
    image = smooth_image((40, 50))
    viewer.add_image(image, name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    click(widget)
    labels = results(viewer)[0]
    labels.brush_size = 9
    labels.paint((20, 20), int(labels.data[20, 20]))  # its own label
    before = copy_corrections(labels)
    labels_before = labels.data.copy()
    widget._last.set_threshold(0.99, widget.form.model.value().header)
    qtbot.waitUntil(lambda: labels.metadata["napari_unet"].get("threshold") == 0.99)
    after = copy_corrections(labels)
    assert (labels.data != labels_before).any()
    np.testing.assert_array_equal(after.trust, before.trust)
    np.testing.assert_array_equal(labels.data[after.trust > 0], labels_before[after.trust > 0])


def test_a_layer_of_the_users_own_is_no_result_to_carry_over(viewer, dock, click, image):
    truth = viewer.add_labels(np.full(image.shape, 2, np.uint8), name="truth", scale=(2, 0.5, 0.5))
    track(truth).mark((slice(0, 3), slice(0, 80), slice(0, 100)), REVIEWED)
    click(dock())
    assert truth.visible
    assert not copy_corrections(viewer.layers["cells · tiny-2d"]).trust.any()
