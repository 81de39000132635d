"""Edits by other plugins, and a layer that comes, changes and goes."""

import gc
import weakref

import numpy as np
import pytest
import zarr
from napari.layers import Labels

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.widgets.arrays import mapped_array as big_array
from napari_unet.widgets.arrays.block_grid import whole
from napari_unet.widgets.painting import trust as layer_trust
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track, trust_of_layer
from napari_unet.widgets.viewer import labels_facts
from napari_unet.widgets.viewer.labels_facts import class_names

pytestmark = pytest.mark.viewer


@pytest.fixture
def layer(viewer):
    prediction = np.zeros((60, 80), np.uint8)
    prediction[20:40, 20:40] = 1
    layer = viewer.add_labels(prediction)
    track(layer)
    return layer


def trusted(layer) -> np.ndarray:
    return copy_corrections(layer).trust == PAINTED


def part(*slices, shape=(60, 80)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


def test_another_array_is_trusted_where_it_differs(layer):
    edited = layer.data.copy()
    edited[5:8, 5:9] = 3
    layer.data = edited
    np.testing.assert_array_equal(trusted(layer), part(slice(5, 8), slice(5, 9)))
    layer.data = layer.data.copy()
    np.testing.assert_array_equal(trusted(layer), part(slice(5, 8), slice(5, 9)))


def test_voxels_set_through_the_layer_are_trusted_and_undone(layer):
    rows, columns = np.mgrid[10:14, 50:57]
    layer.data_setitem((rows.ravel(), columns.ravel()), 2)
    np.testing.assert_array_equal(trusted(layer), part(slice(10, 14), slice(50, 57)))
    layer.undo()
    assert not trusted(layer).any()
    layer.redo()
    np.testing.assert_array_equal(trusted(layer), part(slice(10, 14), slice(50, 57)))


def test_an_array_written_behind_napari_is_noticed_when_it_is_drawn(layer, qtbot):
    layer.data[30:33, 60:70] = 2
    layer.refresh()
    with qtbot.waitSignal(trust_of_layer(layer).changed):
        pass
    qtbot.waitUntil(lambda: trust_of_layer(layer).map.amount().voxels == 30)


def test_what_nobody_reported_is_found_when_it_is_asked_for(viewer):
    layer = viewer.add_labels(np.zeros((4, 30, 30), np.int32))
    track(layer)
    layer.data[3, 5, 5] = 7
    found = copy_corrections(layer)
    assert found.labels[3, 5, 5] == 7
    assert (found.trust > 0).sum() == 1


def test_scrolling_and_selecting_trust_nothing(viewer, qtbot):
    layer = viewer.add_labels(np.ones((4, 30, 30), np.uint8))
    track(layer)
    for step in range(4):
        viewer.dims.set_current_step(0, step)
    layer.refresh()
    qtbot.wait(500)
    assert not copy_corrections(layer).trust.any()


def test_an_array_of_another_shape_begins_anew(layer, qtbot):
    layer.paint((5, 5), 2)
    with qtbot.waitSignal(trust_of_layer(layer).replaced):
        layer.data = np.ones((30, 20), np.uint8)
    assert copy_corrections(layer).trust.shape == (30, 20)
    assert not copy_corrections(layer).trust.any()
    layer.paint((5, 5), 2)
    assert copy_corrections(layer).trust.any()


def test_labels_in_a_zarr_array_can_be_corrected(viewer):
    data = zarr.zeros((40, 50), dtype="u1", chunks=(16, 16))
    layer = viewer.add_labels(data)
    track(layer)
    layer.brush_size = 5
    layer.paint((10, 10), 3)
    np.testing.assert_array_equal(trusted(layer), np.asarray(data) == 3)
    layer.undo()
    assert not trusted(layer).any()


def test_of_very_large_labels_only_the_tools_count(viewer, monkeypatch):
    monkeypatch.setattr(labels_facts, "MOST_COPIED_BYTES", 1000)
    layer = viewer.add_labels(np.zeros((60, 80), np.uint8))
    assert track(layer).map.known is None
    layer.brush_size = 3
    layer.paint((10, 10), 3)
    layer.data[40, 40] = 5
    assert trusted(layer).sum() == 9


def test_of_a_large_stack_what_is_shown_is_compared(viewer, monkeypatch):
    monkeypatch.setattr(layer_trust, "MOST_COMPARED", 1000)
    layer = viewer.add_labels(np.zeros((4, 60, 80), np.uint8))
    track(layer)
    viewer.dims.set_current_step(0, 2)
    layer.data[2, 40, 40] = layer.data[3, 40, 40] = 5
    assert copy_corrections(layer).trust.any(axis=(1, 2)).tolist() == [False, False, True, False]


def test_labels_of_several_resolutions_are_refused(viewer):
    layer = viewer.add_labels(
        [np.zeros((64, 64), np.uint8), np.zeros((32, 32), np.uint8)], multiscale=True
    )
    with pytest.raises(ScanError, match="several resolutions"):
        track(layer)


def test_labels_that_no_class_can_have(viewer):
    layer = viewer.add_labels(np.zeros((30, 30), np.int32))
    track(layer)
    layer.paint((5, 5), 300)
    with pytest.raises(ScanError, match="up to 300"):
        copy_corrections(layer)


def test_the_line_names_the_classes_of_the_layer(viewer):
    layer = viewer.add_labels(
        np.zeros((3, 30, 30), np.uint8),
        features={"index": [0, 1, 2], "class": ["background", "axon", "myelin"]},
    )
    trust = track(layer)
    layer.brush_size = 1
    layer.paint((1, 5, 5), 2)
    layer.paint((2, 5, 5), 1)
    trust.amount()
    assert trust.summary() == "2 slices, 2 voxels, classes axon, myelin"
    assert class_names(layer) == ["background", "axon", "myelin"]
    assert trust.summary(["a", "b", "c"]).endswith("classes b, c")


def test_a_copy_does_not_change_when_painting_goes_on(layer):
    layer.paint((5, 5), 2)
    copy = copy_corrections(layer)
    layer.paint((50, 50), 2)
    trust_of_layer(layer).mark(whole((60, 80)), REVIEWED)
    assert copy.trust[50, 50] == 0
    assert copy.labels[50, 50] == 0


def test_of_a_large_layer_only_what_is_trusted_is_copied(viewer, monkeypatch):
    monkeypatch.setattr(big_array, "IN_MEMORY_BYTES", 1000)
    layer = viewer.add_labels(np.ones((300, 256, 256), np.uint8))
    track(layer)
    layer.brush_size = 3
    layer.paint((7, 40, 50), 2)
    found = copy_corrections(layer)
    assert isinstance(found.labels, np.memmap)
    assert found.labels.any(axis=(1, 2)).sum() == 1
    assert found.trust.sum() == 9


def test_a_duplicate_of_a_layer_starts_without_trust(viewer, layer):
    layer.paint((5, 5), 2)
    data, state, kind = layer.as_layer_data_tuple()
    copy = Labels.create(data.copy(), state, kind)
    viewer.add_layer(copy)
    assert trust_of_layer(copy) is None
    copy.paint((40, 60), 2)
    assert not trusted(layer)[40, 60]


def test_nothing_keeps_a_deleted_layer_or_its_arrays(viewer, qtbot):
    layer = viewer.add_labels(np.zeros((60, 80), np.uint8), name="gone")
    trust = track(layer)
    layer.paint((5, 5), 2)
    layer.undo()
    held = [
        weakref.ref(layer),
        weakref.ref(trust),
        weakref.ref(trust.map),
        weakref.ref(trust._tools),
    ]
    del layer, trust
    viewer.add_labels(np.zeros((60, 80), np.uint8), name="other")
    qtbot.wait(50)
    viewer.layers.remove("gone")
    qtbot.wait(50)
    viewer.layers.selection.active = viewer.layers["other"]
    gc.collect()
    assert [ref() for ref in held] == [None] * 4


def test_a_renamed_layer_is_the_same(layer):
    layer.name = "mine"
    layer.paint((5, 5), 2)
    assert trusted(layer).any()
    assert track(layer) is trust_of_layer(layer)
