"""Scrolling during a run changes what comes next."""

import threading

import numpy as np
import pytest

import napari_unet as nu
from helpers.clicks import press
from helpers.tiny import smooth_image
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.segment.choices import SegmentChoices

pytestmark = pytest.mark.viewer


@pytest.fixture
def written(monkeypatch):
    """The frames in the order in which they are written."""
    frames = []
    write = ResultArrays.write
    monkeypatch.setattr(
        ResultArrays,
        "write",
        lambda arrays, tile: (frames.append(tile.frame[0]), write(arrays, tile)),
    )
    return frames


@pytest.fixture
def held(monkeypatch):
    """An engine that begins its second tile, and then waits for the test."""
    begun = threading.Event()
    may_go = threading.Event()

    class Held(TorchEngine):
        runs = 0

        def run(self, window, *control):
            Held.runs += 1
            if Held.runs == 2:
                begun.set()
                assert may_go.wait(30)
            return super().run(window, *control)

    monkeypatch.setattr(choice, "TorchEngine", Held)
    yield begun, may_go
    may_go.set()


def test_the_slice_that_is_scrolled_to_comes_next(viewer, dock, qtbot, written, held):
    begun, may_go = held
    stack = smooth_image((8, 40, 50))
    viewer.add_image(stack, name="stack")
    viewer.dims.set_current_step(0, 2)
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    press(widget.form.bar.run_button)
    qtbot.waitUntil(begun.is_set, timeout=30_000)
    viewer.dims.set_current_step(0, 6)
    with qtbot.waitSignal(widget.run_ended, timeout=30_000):
        may_go.set()
    assert written == [2, 1, 6, 5, 7, 4, 3, 0]
    np.testing.assert_array_equal(
        viewer.layers["stack · tiny-2d"].data,
        nu.segment(stack, nu.load_model("tiny-2d"), settings=nu.SegmentSettings(engine="torch")),
    )
