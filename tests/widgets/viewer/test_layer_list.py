import numpy as np
from napari.components import ViewerModel

from napari_unet.widgets.viewer.layer_list import PAUSE_MS, is_open, remove_in_turn


def test_layers_go_one_at_a_time(qtbot):
    viewer = ViewerModel()
    layers = [viewer.add_image(np.zeros((4, 4)), name=name) for name in "abc"]
    seen = []
    viewer.layers.events.removed.connect(
        lambda event: seen.append((event.value.name, len(viewer.layers)))
    )
    remove_in_turn(viewer, layers[:2])
    remove_in_turn(viewer, [None, layers[2]])
    assert len(viewer.layers) == 3
    qtbot.waitUntil(lambda: not viewer.layers)
    assert seen == [("a", 2), ("b", 1), ("c", 0)]


def test_what_is_gone_already_is_passed_over(qtbot):
    viewer = ViewerModel()
    layers = [viewer.add_image(np.zeros((4, 4))) for _ in range(2)]
    remove_in_turn(viewer, layers)
    viewer.layers.remove(layers[0])
    qtbot.waitUntil(lambda: not viewer.layers)
    remove_in_turn(None, layers)
    qtbot.wait(2 * PAUSE_MS)


def test_a_model_without_a_window_counts_as_open():
    assert is_open(ViewerModel())
    assert not is_open(None)
