import gc

import numpy as np
from napari.components import ViewerModel

from napari_unet.widgets.viewer.layer_watch import LayerWatch


def test_layers_that_come_change_and_go_are_reported_once(qtbot):
    viewer = ViewerModel()
    watch = LayerWatch(viewer)
    with qtbot.waitSignal(watch.changed) as changed:
        viewer.add_image(np.zeros((8, 9)), name="a")
        viewer.add_image(np.zeros((8, 9)), name="b")
    assert [fact.name for fact in changed.args[0]] == ["a", "b"]
    with qtbot.waitSignal(watch.changed) as changed:
        viewer.layers["a"].name = "c"
        viewer.layers["c"].units = ("um", "um")
    assert [(fact.name, fact.unit) for fact in changed.args[0]] == [("c", "um"), ("b", "pixel")]
    with qtbot.waitSignal(watch.changed) as changed:
        del viewer.layers["b"]
    assert [fact.name for fact in changed.args[0]] == ["c"]


def test_layers_are_found_by_key_while_they_are_there():
    viewer = ViewerModel()
    watch = LayerWatch(viewer)
    image = viewer.add_image(np.zeros((8, 9)))
    keys = tuple(fact.key for fact in watch.facts())
    assert watch.layers(keys) == [image]
    viewer.layers.clear()
    assert watch.layers(keys) == []


def test_a_key_never_comes_again():
    viewer = ViewerModel()
    keys = set()
    watch = LayerWatch(viewer)
    for _ in range(20):
        viewer.add_image(np.zeros((8, 9)))
        keys |= {fact.key for fact in watch.facts()}
        viewer.layers.clear()
        gc.collect()
    assert len(keys) == 20


def test_it_outlives_the_viewer(qtbot):
    viewer = ViewerModel()
    watch = LayerWatch(viewer)
    del viewer
    gc.collect()
    watch._on_timer_timeout()
    assert watch.layers((1,)) == []
