"""What can not be learnt from is refused in a sentence before anything runs; what is lost meanwhile
does no harm.
"""

import numpy as np
import pytest

from helpers.clicks import press
from helpers.tiny import smooth_image
from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.learn.settings import TrainSettings
from napari_unet.widgets.arrays.block_grid import whole
from napari_unet.widgets.finetune import plan as finetune_plan
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.painting.tracked_layers import trust_of_layer
from napari_unet.widgets.viewer.labels_facts import class_names

pytestmark = [pytest.mark.viewer, pytest.mark.usefixtures("few_steps")]
PATIENCE_MS = 60_000
SHAPE = (64, 64)


@pytest.fixture
def teach(viewer, open_finetune, qtbot):
    """The dock with an image and these labels, all of which are called right."""

    def teach_labels(labels, model="tiny-2d", image=None, **words):
        viewer.add_image(smooth_image(labels.shape) if image is None else image, name="cells")
        layer = viewer.add_labels(labels, name="mine", **words)
        widget = open_finetune()
        widget.form.model.set_value(model)
        qtbot.waitUntil(lambda: trust_of_layer(layer) is not None)
        press(widget.form.review.whole_button)
        qtbot.waitUntil(lambda: bool(trust_of_layer(layer).map.amount().voxels))
        qtbot.wait(20)
        return widget

    return teach_labels


def halves(*labels: int) -> np.ndarray:
    """Stripes of these labels."""
    return np.repeat(np.array(labels, np.uint8), SHAPE[0] // len(labels))[:, None].repeat(
        SHAPE[1], 1
    )


def refused(widget) -> str:
    assert not widget.form.bar.run_button.isEnabled()
    return widget.form.bar.run_button.toolTip()


def trained(widget, qtbot):
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        press(widget.form.bar.run_button)
    assert ended.args[0].kind == "done", ended.args[0]
    return ended.args[0].trained.result


def test_labels_of_another_shape(viewer, open_finetune):
    viewer.add_image(smooth_image(SHAPE), name="cells")
    viewer.add_labels(np.zeros((30, 20), np.uint8), name="mine")
    widget = open_finetune()
    assert "shape (30, 20), the image (64, 64)" in refused(widget)


def test_an_image_of_real_numbers_is_not_offered_as_labels(viewer, open_finetune):
    viewer.add_image(smooth_image(SHAPE), name="cells")
    viewer.add_image(halves(0, 1).astype(np.float32), name="labels as real numbers")
    widget = open_finetune()
    assert widget.form.pairs.labels() == []
    assert "Segment an image first" in refused(widget)


def test_one_class_alone(teach):
    assert "All that teaches is of one class, class 1" in refused(teach(halves(1)))


def test_ids_beyond_the_classes_are_refused(teach):
    assert "The labels go up to 200, but there are 2 classes" in refused(teach(halves(0, 200)))


NOTE = "2 values, 0 and 255: read as background and class 1."


def test_a_mask_of_0_and_255_is_two_classes_and_the_dock_says_so(teach, qtbot):
    widget = teach(halves(0, 255))
    assert widget.form.bar.run_button.isEnabled()
    assert NOTE in widget.form.message.text()
    assert len(widget.form.classes.value()) == 2
    result = trained(widget, qtbot)
    assert f"mine: {NOTE}" in result.notes
    voxels = result.model.spec.provenance.training["corrections"]["voxels_of_label"]
    assert voxels == {"0": 64 * 32, "1": 64 * 32}
    assert NOTE in widget.form.message.text()


def test_a_label_beside_grey_levels_is_refused(teach):
    assert "The labels go up to 255, but there are 2 classes" in refused(teach(halves(0, 1, 255)))


def test_a_number_for_each_object_is_not_taken_for_classes(teach):
    widget = teach(halves(*range(16)))
    assert len(widget.form.classes.value()) == 2
    assert "go up to 15, as if each object had a number of its own" in refused(widget)


def test_labels_whose_names_are_in_another_order_are_not_taught_by_number(viewer, teach):
    names = {"index": [0, 1, 2], "class": ["background", "class 2", "class 1"]}
    widget = teach(halves(0, 1, 2, 2), "tiny-classes", features=names)
    assert "The labels mine call 1 class 2, which is 2 among the classes" in refused(widget)
    viewer.layers["mine"].features = {
        "index": [0, 1, 2],
        "class": ["background", "Class 1", "class 2"],
    }
    widget._on_layers_changed()
    assert widget.form.bar.run_button.isEnabled()


def test_another_name_for_a_class_is_reported_and_may_be_taught(teach):
    names = {"index": [0, 1], "class": ["background", "nucleus"]}
    widget = teach(halves(0, 1), features=names)
    assert widget.form.bar.run_button.isEnabled()
    assert "What the labels mine call nucleus is learnt as class 1." in widget.form.message.text()


def test_voxels_that_are_no_number_are_left_out(teach, qtbot):
    image = smooth_image(SHAPE)
    image[:, :10] = np.nan
    result = trained(teach(halves(0, 1), image=image), qtbot)
    assert result.model.spec.provenance.training["corrections"]["reviewed_voxels"] == 64 * 54
    assert all(np.isfinite(loss) for loss in result.history.losses)


def test_a_parent_with_fewer_classes_is_widened(teach, qtbot):
    names = {"index": [0, 1, 2], "class": ["background", "class 1", "vessel"]}
    widget = teach(halves(0, 1, 2, 2), features=names)
    assert [item.name for item in widget.form.classes.value()] == ["class 0", "class 1", "vessel"]
    result = trained(widget, qtbot)
    assert [item.name for item in result.model.spec.classes] == ["class 0", "class 1", "vessel"]
    assert len(result.parent.spec.classes) == 2


def test_a_class_that_is_added_reaches_the_labels_of_all_pairs(viewer, teach, qtbot):
    widget = teach(halves(0, 1))
    viewer.add_image(smooth_image((40, 30)), name="other")
    viewer.add_labels(np.zeros((40, 30), np.uint8), name="others")
    qtbot.waitUntil(lambda: not widget.form.pairs._add.isHidden())
    press(widget.form.pairs._add)
    qtbot.waitUntil(lambda: len(widget.review.layers) == 2)
    press(widget.form.classes._add)
    for name in ("mine", "others"):
        assert class_names(viewer.layers[name]) == ["class 0", "class 1", "class 2"]
    widget.form.classes._edits[-1].setText("vessel")
    widget.form.classes._edits[-1].textEdited.emit("vessel")
    assert [class_names(viewer.layers[name])[-1] for name in ("mine", "others")] == [
        "vessel",
        "vessel",
    ]


@pytest.mark.parametrize("gone", [("cells",), ("mine",), ("mine", "cells")])
def test_layers_that_are_deleted_meanwhile_do_not_end_a_training(
    viewer, teach, qtbot, monkeypatch, gone
):
    monkeypatch.setattr(
        finetune_plan, "settings_for", lambda _: TrainSettings(batch=2, patch_px=32, device="cpu")
    )
    widget = teach(halves(0, 1))
    press(widget.form.bar.run_button)
    qtbot.waitUntil(lambda: bool(widget.form.panel.curves.loss.x), timeout=PATIENCE_MS)
    for name in gone:
        viewer.layers.remove(viewer.layers[name])
        qtbot.wait(50)
    before = len(widget.form.panel.curves.loss.x)
    qtbot.waitUntil(lambda: len(widget.form.panel.curves.loss.x) > before, timeout=PATIENCE_MS)
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        press(widget.form.bar.stop_button)
    assert ended.args[0].trained.path is not None
    press(widget.form.card.changes_button)
    assert not Job._running


def test_what_is_called_right_after_the_click_is_for_the_next_training(viewer, teach, qtbot):
    widget = teach(halves(0, 1))
    press(widget.form.bar.run_button)
    viewer.layers["mine"].data[:] = 1
    trust_of_layer(viewer.layers["mine"]).mark(whole(SHAPE), REVIEWED)
    with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
        pass
    counts = ended.args[0].trained.result.model.spec.provenance.training["corrections"][
        "voxels_of_label"
    ]
    assert counts == {"0": 2048, "1": 2048}
