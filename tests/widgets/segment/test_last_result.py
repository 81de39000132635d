import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from helpers.leaves import entry
from helpers.tiny import tiny_spec
from napari_unet.scans.scan import Scan
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.segment.result_layer import ResultLayer
from napari_unet.widgets.segment.threshold import LastResult
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.placement import placement

OWN = entry("own").header
OTHER = entry("other", threshold=0.4).header


@pytest.fixture
def viewer(qapp) -> ViewerModel:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((40, 60)), name="cells")
    return viewer


def make(viewer: ViewerModel, threshold: float = 0.5) -> ResultLayer:
    image = viewer.layers["cells"]
    spec = tiny_spec()
    arrays = ResultArrays(
        plan_job(spec, Scan(image.data, "yx", (1.0, 1.0)), SegmentSettings(keep_probabilities=True))
    )
    arrays.probabilities[:] = np.linspace(0, 1, 60)
    arrays.labels[:] = arrays.prediction[:] = arrays.probabilities >= threshold
    result = ResultLayer(viewer, arrays, placement(image, "yx"), "cells · tiny")
    result.note({"threshold": threshold, "settings": {"threshold": None, "device": "cpu"}})
    return result


def test_the_metadata_says_the_threshold_that_holds(viewer, qtbot):
    last = LastResult(viewer)
    result = make(viewer)
    last.take(result, OWN)
    last.set_threshold(0.8, OWN)
    facts = lambda: result.labels.metadata[MARK]  # noqa: E731
    assert facts()["threshold"] is None
    qtbot.waitUntil(lambda: facts()["threshold"] == 0.8)
    assert facts()["settings"] == {"threshold": 0.8, "device": "cpu"}
    np.testing.assert_array_equal(result.labels.data, result.arrays.probabilities >= 0.8)


def test_a_result_of_another_model_stays(viewer, qtbot):
    last = LastResult(viewer)
    result = make(viewer)
    last.take(result, OWN)
    last.set_threshold(0.8, OTHER)
    qtbot.wait(20)
    np.testing.assert_array_equal(result.labels.data, result.arrays.probabilities >= 0.5)


def test_a_deleted_result_is_let_go(viewer, qtbot):
    last = LastResult(viewer)
    result = make(viewer)
    last.take(result, OWN)
    arrays = weakref.ref(result.arrays)
    del result
    viewer.layers.remove(viewer.layers["cells · tiny"])
    qtbot.waitUntil(lambda: "cells · tiny (not computed)" not in viewer.layers)
    viewer.layers.selection.active = viewer.layers[
        "cells"
    ]  # napari remembers what was selected last
    gc.collect()
    assert arrays() is None


def test_deleting_an_older_result_leaves_the_last_one(viewer, qtbot):
    last = LastResult(viewer)
    old = make(viewer)
    new = make(viewer)
    last.take(old, OWN)
    last.take(new, OWN)
    viewer.layers.remove(old.labels)
    last.set_threshold(0.8, OWN)
    qtbot.waitUntil(lambda: (new.labels.data == (new.arrays.probabilities >= 0.8)).all())


def test_results_without_probabilities_are_not_held(viewer):
    last = LastResult(viewer)
    result = make(viewer)
    result.arrays.probabilities = None
    last.take(result, OWN)
    assert last._result is None
