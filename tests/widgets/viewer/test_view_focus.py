"""The point of view follows the camera and the sliders, until it is stopped, and survives what
goes.
"""

import gc
import weakref

import numpy as np
from napari.components import ViewerModel

from napari_unet.scans.scan import Scan
from napari_unet.segment.tiles.queue import Focus
from napari_unet.widgets.viewer.focus import ViewFocus


def make(dimensions=2):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((4, 40, 60)))
    viewer.dims.point = (1, 0, 0)
    viewer.scene.camera.center = (0, 20, 30)
    return (
        viewer,
        layer,
        ViewFocus(viewer, layer, Scan(layer.data, "zyx", (1.0,) * 3), "zyx", dimensions),
    )


def test_it_follows_the_camera_and_the_sliders():
    viewer, _, focus = make()
    assert focus.now == Focus((1,), (20.0, 30.0))
    viewer.scene.camera.center = (0, 10, 50)
    assert focus.now == Focus((1,), (10.0, 50.0))
    viewer.dims.set_current_step(0, 3)
    assert focus.now == Focus((3,), (10.0, 50.0))


def test_in_a_volume_the_slice_is_part_of_the_point():
    viewer, _, focus = make(dimensions=3)
    viewer.dims.set_current_step(0, 2)
    assert focus.now == Focus((), (2.0, 20.0, 30.0))
    viewer.dims.order = (2, 0, 1)
    viewer.scene.camera.center = (0, 1, 25)
    assert focus.now.point[:2] == (1.0, 25.0)


def test_after_the_end_it_stays_and_lets_the_image_go():
    viewer, layer, focus = make()
    scan = weakref.ref(focus._scan)
    focus.stop()
    viewer.dims.set_current_step(0, 3)
    assert focus.now == Focus((1,), (20.0, 30.0))
    gc.collect()
    assert scan() is None
    assert layer in viewer.layers


def test_a_layer_that_is_gone_leaves_it_where_it_was():
    viewer, layer, focus = make()
    viewer.add_image(np.zeros((2, 9, 40, 60)))
    viewer.layers.remove(layer)
    before = focus.now
    viewer.dims.set_current_step(0, 1)
    viewer.scene.camera.center = (0, 1, 1)
    assert focus.now == before
    focus.stop()


def test_nothing_but_its_owner_keeps_it():
    viewer, _, focus = make()
    gone = weakref.ref(focus)
    del focus
    gc.collect()
    assert gone() is None
    viewer.dims.set_current_step(0, 3)
