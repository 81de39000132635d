"""However a run ends, what is left is right: stop, cancel, errors, deleted layers, closed docks and
windows.
"""

import gc
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from helpers.clicks import long_stack, press
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.model.library import save_model
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.widgets.arrays import mapped_array as big_array
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.jobs.threads import job_threads
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.dock import SegmentWidget
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def until_left(qtbot, viewer, *expected: str) -> None:
    qtbot.waitUntil(lambda: names(viewer) == list(expected), timeout=5000)


def test_stop_keeps_the_finished_tiles_and_says_what_is_unfinished(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    qtbot.waitUntil(lambda: "can be painted on when it has ended" in widget.form.bar._note.text())
    with qtbot.waitSignal(widget.run_ended, timeout=2000) as ended:
        press(widget.form.bar.stop_button)
    assert ended.args[0].kind == "stopped"
    assert "the rest is marked as not computed" in widget.form.message.text()
    facts = viewer.layers["long · tiny-2d"].metadata[MARK]
    assert not facts["complete"]
    assert 0 < facts["done_map"].mean() < 1
    hatching = viewer.layers["long · tiny-2d (not computed)"]
    np.testing.assert_array_equal(hatching.data == 0, facts["done_map"])


@pytest.mark.alone
def test_cancel_removes_the_result_within_a_second(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    before = time.monotonic()
    with qtbot.waitSignal(widget.run_ended, timeout=2000) as ended:
        press(widget.form.bar.cancel_button)
    assert time.monotonic() - before < 1
    assert ended.args[0].kind == "cancelled"
    until_left(qtbot, viewer, "long")
    assert widget.form.bar.run_button.isVisibleTo(widget)


def test_a_runtime_error_in_the_run_reaches_the_user(viewer, dock, click, monkeypatch, qtbot):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered\nmore")

    monkeypatch.setattr(TorchEngine, "run", fail)
    viewer.add_image(np.zeros((40, 50)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    assert click(widget).kind == "failed"
    assert widget.form.message.text() == "The run failed: CUDA error: device-side assert triggered."
    assert "Traceback" in widget.form.message.details()
    until_left(qtbot, viewer, "cells")


def test_an_error_halfway_keeps_what_is_done(viewer, dock, click, monkeypatch):
    run = TorchEngine.run
    calls = []

    def fail_later(*args, **kwargs):
        calls.append(1)
        if len(calls) > 5:
            raise MemoryError
        return run(*args, **kwargs)

    monkeypatch.setattr(TorchEngine, "run", fail_later)
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    assert click(widget).kind == "failed"
    assert "The 5 finished tiles" in widget.form.message.text()
    assert "long · tiny-2d (not computed)" in names(viewer)
    facts = viewer.layers["long · tiny-2d"].metadata[MARK]
    assert facts["model"] == "tiny-2d"
    assert {"engine", "halo", "versions", "nonfinite"} <= set(facts)
    assert len(facts["statistics"]) == 5


def test_a_model_file_that_changed_is_not_run_as_the_old_one(viewer, dock, click, tmp_path, qtbot):
    viewer.add_image(np.zeros((40, 50)), name="cells")
    widget = dock()
    spec = tiny_spec(classes=3).model_copy(update={"name": "tiny-2d"})
    save_model(tiny_model(spec, seed=1), tmp_path / "tiny-2d.safetensors")
    assert click(widget).kind == "failed"
    assert "changed since it was chosen" in widget.form.message.text()
    assert widget.form.model.value().header.spec == spec
    until_left(qtbot, viewer, "cells")
    assert click(widget).kind == "done"
    assert len(viewer.layers["cells · tiny-2d"].features) == 3


def test_deleting_the_result_ends_the_run(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    with qtbot.waitSignal(widget.run_ended, timeout=2000) as ended:
        del viewer.layers["long · tiny-2d"]
    assert ended.args[0].kind == "cancelled"
    until_left(qtbot, viewer, "long")


def test_deleting_or_renaming_the_image_does_no_harm(viewer, dock, click, qtbot, begin):
    image = viewer.add_image(long_stack()[:40], name="short")
    widget = dock()
    begin(widget)
    image.name = "other"
    viewer.layers["short · tiny-2d"].name = "mine"
    with qtbot.waitSignal(widget.run_ended, timeout=20_000) as ended:
        viewer.layers.remove(image)
    assert ended.args[0].kind == "done"
    until_left(qtbot, viewer, "mine")


def test_closing_the_dock_stops_the_run_and_keeps_what_is_done(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    del widget
    qtbot.waitUntil(lambda: not Job._running, timeout=3000)
    qtbot.wait(50)
    assert not viewer.layers["long · tiny-2d"].metadata[MARK]["complete"]
    assert "long · tiny-2d (not computed)" in names(viewer)


def test_the_cross_of_the_dock_ends_the_run_and_the_widget(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    with qtbot.waitSignal(widget.destroyed, timeout=3000):
        widget.parent().destroyOnClose()
    qtbot.waitUntil(lambda: not Job._running, timeout=3000)
    assert "long · tiny-2d (not computed)" in names(viewer)


def test_closing_the_window_cancels_the_run(viewer, dock, begin, qtbot):
    viewer.add_image(long_stack(), name="long")
    begin(dock())
    viewer.close()
    qtbot.waitUntil(lambda: not Job._running, timeout=3000)
    qtbot.wait(50)


def one_runs_and_another_waits(viewer, dock, begin, qtbot) -> tuple[SegmentWidget, SegmentWidget]:
    viewer.add_image(long_stack(), name="long")
    first = dock()
    second = SegmentWidget(viewer)
    qtbot.addWidget(second)
    second.form.model.set_value("tiny-2d")
    begin(first)
    press(second.form.bar.run_button)
    return first, second


def test_a_second_dock_waits_for_the_first_and_says_so(viewer, dock, begin, qtbot):
    first, second = one_runs_and_another_waits(viewer, dock, begin, qtbot)
    assert "Waiting for Segmenting long" in second.form.bar._note.text()
    assert second.run.tiles == (0, 0)
    with qtbot.waitSignal(first.run_ended, timeout=2000):
        press(first.form.bar.cancel_button)
    qtbot.waitUntil(lambda: second.run.tiles[0] > 0, timeout=5000)
    with qtbot.waitSignal(second.run_ended, timeout=2000):
        press(second.form.bar.cancel_button)


def test_a_waiting_run_can_be_cancelled(viewer, dock, begin, qtbot):
    first, second = one_runs_and_another_waits(viewer, dock, begin, qtbot)
    with qtbot.waitSignal(second.run_ended, timeout=1000):
        press(second.form.bar.cancel_button)
    assert names(viewer) == ["long", "long · tiny-2d", "long · tiny-2d (not computed)"]
    with qtbot.waitSignal(first.run_ended, timeout=2000):
        press(first.form.bar.cancel_button)


def test_the_activity_dock_shows_the_run_and_forgets_it(viewer, dock, begin, qtbot):
    from napari.utils import progress

    viewer.add_image(long_stack(), name="long")
    widget = dock()
    begin(widget)
    (bar,) = progress._all_instances
    assert (bar.desc.startswith("Segmenting long"), bar.total) == (True, 600)
    with qtbot.waitSignal(widget.run_ended, timeout=2000):
        press(widget.form.bar.cancel_button)
    assert not progress._all_instances


class Array(np.ndarray):
    """An array that can be referred to weakly."""


def leftovers() -> dict[str, int]:
    """What a process may forget to give back: mapped files, handles, running threads."""
    system = Path("/proc/self")
    known = (
        {"fd": len(list((system / "fd").iterdir())), "task": len(list((system / "task").iterdir()))}
        if system.exists()
        else {}
    )
    return {
        "mapped": len(big_array._files),
        "python threads": threading.active_count(),
        "jobs": job_threads().activeThreadCount(),
        **known,
    }


@pytest.fixture
def mapped(monkeypatch, tmp_path) -> Path:
    """Every result is mapped from a file in this folder, however small."""
    monkeypatch.setattr(big_array, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(big_array, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.alone
@pytest.mark.parametrize(("windowed", "cycles"), [(True, 6), (False, 50)])
def test_cycles_of_start_and_cancel_leave_nothing_behind(request, qtbot, mapped, windowed, cycles):
    viewer = request.getfixturevalue("viewer") if windowed else ViewerModel()
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.form.model.set_value("tiny-2d")
    images = []
    results = []
    times = []
    before = {}
    for number in range(cycles):
        image = long_stack().view(Array)
        images.append(weakref.ref(image))
        viewer.add_image(image, name="long")
        del image
        qtbot.wait(5)
        press(widget.form.bar.run_button)
        arrays = widget.run._arrays
        results += [
            weakref.ref(arrays),
            weakref.ref(arrays.labels.base),
            weakref.ref(arrays.prediction.base),
        ]
        del arrays
        if number % 2:
            qtbot.waitUntil(lambda: widget.run.tiles[0] > 0, timeout=10_000)
        begun = time.monotonic()
        with qtbot.waitSignal(widget.run_ended, timeout=5000):
            press(widget.form.bar.cancel_button)
        times.append(time.monotonic() - begun)
        until_left(qtbot, viewer, "long")
        viewer.layers.clear()
        if number == 3:  # all that is imported once has been
            gc.collect()
            before = leftovers()
    viewer.add_image(np.zeros((4, 4)))  # napari remembers what was selected last
    qtbot.wait(50)
    gc.collect()
    after = leftovers()
    assert [ref for ref in (*images, *results) if ref() is not None] == []
    assert (after["mapped"], after["jobs"], list((mapped / "results").iterdir())) == (0, 0, [])
    assert {
        what: count - before[what] for what, count in after.items() if count > before[what] + 2
    } == {}
    assert max(times) < 1
