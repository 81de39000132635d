"""A second task is a second file: the window shows its labels, and what was painted stays."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

import napari_unet as nu
from helpers.region_ids import FIRST, with_region_ids
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.library import save_model
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer
NAME = "tiny-objects"
PAINTED = 2**32 - 2  # the highest id that there can be
IMAGE = smooth_image((80, 100))


@pytest.fixture
def widget(viewer, dock, tmp_path, monkeypatch):
    spec = tiny_spec().model_copy(update={"name": NAME})
    model = with_region_ids(monkeypatch, tiny_model(spec))
    save_model(model, tmp_path / f"{NAME}.safetensors")
    viewer.add_image(IMAGE, name="cells")
    return dock(NAME)


def results(viewer) -> list[Labels]:
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def test_ids_are_shown_each_in_a_colour_of_its_own(viewer, widget, click):
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    assert click(widget).kind == "done"
    [labels] = results(viewer)
    assert labels.data.dtype == np.uint32
    np.testing.assert_array_equal(labels.data, nu.segment(IMAGE, nu.load_model(NAME)))
    ids = np.unique(labels.data)[1:]
    assert len(ids) > 3
    assert ids.min() > FIRST
    assert not isinstance(labels.colormap, DirectLabelColormap)
    assert labels.get_color(0) is None or labels.get_color(0)[3] == 0
    assert len({tuple(labels.get_color(number)) for number in ids}) > 3
    assert f"{labels.name}: probability of class 1" in viewer.layers
    assert labels.metadata[MARK]["complete"]


def test_a_threshold_waits_for_a_new_run_where_the_task_can_not_follow(
    viewer, widget, click, qtbot
):
    widget.form.options.set_value(SegmentChoices(keep_probabilities=True))
    click(widget)
    [labels] = results(viewer)
    before = labels.data.copy()
    widget._on_threshold_changed(0.9)
    qtbot.wait(30)
    np.testing.assert_array_equal(labels.data, before)
    widget.form.options.set_value(SegmentChoices(threshold=0.9))
    click(widget)
    assert 0 < np.count_nonzero(results(viewer)[1].data) < np.count_nonzero(before)


def test_an_id_that_was_painted_is_carried_into_the_next_result(viewer, widget, click):
    click(widget)
    [old] = results(viewer)
    old.brush_size = 9
    old.paint((40, 50), PAINTED)
    click(widget)
    new = results(viewer)[1]
    assert new.data.dtype == np.uint32
    assert (new.data == PAINTED).sum() == (old.data == PAINTED).sum() > 60


def test_numbers_of_classes_are_not_carried_into_ids(viewer, widget, click, dock):
    click(dock("tiny-2d"))
    [classes] = results(viewer)
    classes.paint((40, 50), 1)
    click(dock(NAME))
    ids = results(viewer)[1]
    np.testing.assert_array_equal(ids.data, nu.segment(IMAGE, nu.load_model(NAME)))
    assert classes.visible


def test_ids_are_not_learnt_yet_in_one_sentence(viewer, widget, click, open_finetune, qtbot):
    click(widget)
    finetune = open_finetune()
    finetune.form.model.set_value(NAME)
    qtbot.waitUntil(lambda: "not trained" in finetune.form.message.text())
    assert not finetune.form.bar.run_button.isEnabled()
