import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from helpers.tiny import tiny_spec
from napari_unet.scans.scan import Scan
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.segment.result_layer import ResultLayer
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import placement


@pytest.fixture
def viewer(qapp) -> ViewerModel:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((40, 60)), name="cells", scale=(0.5, 0.5))
    return viewer


def make(viewer: ViewerModel, classes: int = 2, keep: bool = False) -> ResultLayer:
    image = viewer.layers["cells"]
    scan = Scan(image.data, "yx", (1.0, 1.0))
    spec = tiny_spec(classes=classes)
    arrays = ResultArrays(plan_job(spec, scan, SegmentSettings(keep_probabilities=keep)))
    result = ResultLayer(viewer, arrays, placement(image, "yx"), "cells · tiny")
    result.add_hatching()
    return result


def until_left(qtbot, viewer: ViewerModel, *names: str) -> None:
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == list(names), timeout=2000)


def test_a_result_is_labels_under_hatching(viewer):
    make(viewer)
    assert [layer.name for layer in viewer.layers] == [
        "cells",
        "cells · tiny",
        "cells · tiny (not computed)",
    ]
    assert viewer.layers.selection.active is viewer.layers["cells · tiny"]


def test_the_hatching_covers_the_result_and_vanishes_where_it_is_done(viewer):
    result = make(viewer)
    result.arrays.done.mark((slice(0, 20), slice(0, 60)))
    result.refresh()
    labels = viewer.layers[1]
    hatching = viewer.layers[2]
    np.testing.assert_allclose(hatching.extent.world, labels.extent.world, atol=1)
    assert not hatching.data[:20].any()
    assert hatching.data[20:].all()


def test_a_complete_result_loses_its_hatching(viewer, qtbot):
    result = make(viewer)
    result.arrays.done.mark((slice(0, 40), slice(0, 60)))
    result.finish({"model": "tiny"})
    until_left(qtbot, viewer, "cells", "cells · tiny")
    assert viewer.layers[1].metadata[MARK]["complete"]
    assert viewer.layers[1].metadata[MARK]["model"] == "tiny"


def test_a_result_can_be_painted_on_when_it_has_ended(viewer):
    result = make(viewer)
    assert not result.labels.editable
    result.labels.mode = "paint"
    assert result.labels.mode == "pan_zoom"
    result.finish({})
    result.labels.mode = "paint"
    assert result.labels.mode == "paint"


def test_an_unfinished_result_keeps_its_hatching_and_its_done_map(viewer):
    result = make(viewer)
    result.arrays.done.mark((slice(0, 20), slice(0, 60)))
    result.finish({})
    assert len(viewer.layers) == 3
    facts = viewer.layers[1].metadata[MARK]
    assert not facts["complete"]
    assert facts["done_map"].any()
    assert not facts["done_map"].all()


def test_a_cancelled_result_leaves_nothing(viewer, qtbot):
    make(viewer, keep=True).remove()
    until_left(qtbot, viewer, "cells")


def test_classes_have_colours_and_names(viewer):
    result = make(viewer, classes=3)
    result.refresh()
    labels = result.labels
    assert list(labels.features["class"]) == ["class 0", "class 1", "class 2"]
    np.testing.assert_allclose(labels.get_color(1)[:3], (1.0, 0x9F / 255, 0x1C / 255), atol=1e-3)
    np.testing.assert_allclose(labels.get_color(9), (1, 0, 1, 1))
    labels.data[3, 4] = 2
    assert (
        "class: class 2"
        in labels.get_status((3, 4), view_direction=None, dims_displayed=[0, 1], world=False)[
            "coordinates"
        ]
    )


@pytest.mark.parametrize(("classes", "count"), [(2, 1), (3, 2)])
def test_probabilities_are_hidden_images_one_for_each_class_but_the_background(
    viewer, classes, count
):
    make(viewer, classes, keep=True)
    images = [layer for layer in viewer.layers if "probability" in layer.name]
    assert len(images) == count
    assert not any(layer.visible for layer in images)


def test_deleting_the_labels_takes_the_hatching_along_and_is_reported(viewer, qtbot):
    result = make(viewer)
    with qtbot.waitSignal(result.gone):
        viewer.layers.remove(result.labels)
    until_left(qtbot, viewer, "cells")
    assert result.labels is None
    result.show_changes()
    result.finish({})
    result.remove()


def test_deleting_the_hatching_is_allowed(viewer):
    result = make(viewer)
    del viewer.layers["cells · tiny (not computed)"]
    result.refresh()
    result.finish({})
    assert result.labels in viewer.layers


def test_renaming_the_labels_changes_nothing(viewer, qtbot):
    result = make(viewer)
    result.labels.name = "mine"
    result.refresh()
    result.arrays.done.mark((slice(0, 40), slice(0, 60)))
    result.finish({})
    until_left(qtbot, viewer, "cells", "mine")


def test_labels_come_into_sight_with_the_first_tile_and_then_obey_the_user(viewer):
    result = make(viewer)
    assert (result.labels.visible, viewer.layers[2].visible) == (False, True)
    result.refresh()
    assert (result.labels.visible, viewer.layers[2].visible) == (True, True)
    result.labels.visible = False
    result.refresh()
    assert (result.labels.visible, viewer.layers[2].visible) == (False, False)


def test_hiding_the_labels_hides_the_hatching(viewer):
    result = make(viewer)
    result.refresh()
    result.labels.visible = False
    assert not viewer.layers[2].visible


def test_the_arrays_go_with_the_layers(viewer, qtbot):
    result = make(viewer)
    ref = weakref.ref(result.arrays)
    result.remove()
    del result
    until_left(qtbot, viewer, "cells")
    viewer.layers.selection.active = viewer.layers[
        "cells"
    ]  # napari remembers what was selected last
    gc.collect()
    assert ref() is None
