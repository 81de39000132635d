"""A result that is written into a file while it is made, by real clicks: whole, resumed, refused,
and as if it had never begun.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from qtpy.QtWidgets import QFileDialog, QPushButton

import napari_unet as nu
from helpers.clicks import long_stack, press
from helpers.tiny import smooth_image
from napari_unet.scans.scan import scan_of
from napari_unet.scans.write import write_labels
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.timed_engine import TimedEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.identity import begun_engine
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.keep_field import KeepField
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.preferences import remembered

pytestmark = pytest.mark.viewer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results" / "cells.zarr"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The windows that engines have computed for runs."""
    windows: list[int] = []
    run = TimedEngine.run

    def counted(engine: TimedEngine, *given: object) -> object:
        found = run(engine, *given)
        windows.append(1)
        return found

    monkeypatch.setattr(TimedEngine, "run", counted)
    return windows


def values(path: Path) -> np.ndarray:
    return np.asarray(zarr.open_group(path, mode="r")["0"])


def names(path: Path) -> list[str]:
    return sorted(other.name for other in path.parent.iterdir())


def newest(viewer) -> object:
    return next(
        layer
        for layer in reversed(viewer.layers)
        if layer.metadata.get(MARK, {}).get("kind") == "result"
    )


def test_a_place_is_chosen_and_holds_the_labels_of_the_layer(
    viewer, dock, click, path, monkeypatch
):
    image = smooth_image((300, 80))
    viewer.add_image(image, name="cells")
    widget = dock()
    control = []

    def dialog(parent, title, known, kinds, options):
        control.append(Path(known).name)
        return str(path), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    press(widget.form.options.findChild(KeepField).findChild(QPushButton))
    end = click(widget)
    assert (end.kind, control) == ("done", ["cells-labels.zarr"])
    assert end.sentence.endswith(f"It is kept in {path}.")
    np.testing.assert_array_equal(values(path), newest(viewer).data)
    np.testing.assert_array_equal(values(path), nu.segment(image, nu.load_model("tiny-2d")))
    assert names(path) == ["cells.zarr"]
    facts = zarr.open_group(path, mode="r").attrs["napari_unet"]
    layer = json.loads(json.dumps(newest(viewer).metadata[MARK], default=str))
    assert {
        name: layer[name] for name in ("statistics", "nonfinite", "engine", "weights_sha256")
    } == {name: facts[name] for name in ("statistics", "nonfinite", "engine", "weights_sha256")}


@pytest.mark.parametrize("model", ["tiny-2d", "tiny-classes"])
def test_a_stopped_run_is_resumed(viewer, dock, begin, click, path, written, qtbot, model):
    stack = long_stack()[:200]
    viewer.add_image(stack, name="stack")
    widget = dock(model)
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), keep_probabilities=True))
    begin(widget)
    with qtbot.waitSignal(widget.run_ended, timeout=20_000) as ended:
        press(widget.form.bar.stop_button)
    before = len(written)
    assert 0 < before < 200
    assert remembered(SegmentChoices).keep_in == str(path)
    assert ended.args[0].kind == "stopped"
    assert ended.args[0].sentence.endswith(
        f"{before} of 200 tiles are kept in {path}.partial; "
        "Segment with the same choices resumes from there."
    )
    end = click(widget)
    assert end.kind == "done"
    assert len(written) == 200
    layer = newest(viewer)
    expected = nu.segment(stack, nu.load_model(model))
    np.testing.assert_array_equal(layer.data, expected)
    np.testing.assert_array_equal(values(path), expected)
    assert layer.metadata[MARK]["complete"]
    assert len(layer.metadata[MARK]["statistics"]) == 200
    assert names(path) == ["cells-probabilities.zarr", "cells.zarr"]
    probabilities = values(path.with_name("cells-probabilities.zarr"))
    shown = [
        other.data for other in viewer.layers if "probability" in other.name and "[1]" in other.name
    ]
    stored = [probabilities] if model == "tiny-2d" else list(probabilities[1:])
    assert len(shown) == len(stored)
    for one, other in zip(shown, stored, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_result_that_is_there_is_shown_and_not_computed_again(viewer, dock, click, path, written):
    stack = smooth_image((3, 60, 70))
    stack[1, :2, :3] = np.nan
    viewer.add_image(stack, name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    click(widget)
    assert len(written) == 3
    first = newest(viewer)
    viewer.layers.remove(first)
    assert widget.form.options.value().keep_in == ""  # the next result belongs into another file
    assert remembered(SegmentChoices).keep_in == ""
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    end = click(widget)
    assert end.kind == "done"
    assert end.sentence.endswith(f"It was made before, and is in {path}.")
    assert "6 pixels were not numbers" in end.sentence
    assert newest(viewer).metadata[MARK]["nonfinite"] == 6
    assert len(written) == 3
    assert newest(viewer) is not first
    np.testing.assert_array_equal(newest(viewer).data, nu.segment(stack, nu.load_model("tiny-2d")))
    assert newest(viewer).metadata[MARK]["complete"]


def test_a_name_that_is_taken_is_refused_and_stays_as_it_is(viewer, dock, click, path, qtbot):
    viewer.add_image(smooth_image((60, 70)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    click(widget)
    before = values(path)
    layers = [layer.name for layer in viewer.layers]
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), threshold=0.7))
    end = click(widget)
    assert (end.kind, end.sentence) == (
        "failed",
        f"{path} is there already, and is not what this run would give. Choose another name.",
    )
    np.testing.assert_array_equal(values(path), before)
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == layers[:2], timeout=5000)


@pytest.mark.parametrize("earlier", [False, True])
def test_cancel_leaves_what_was_there_before(
    viewer, dock, begin, click, path, written, qtbot, earlier
):
    viewer.add_image(long_stack()[:300], name="stack")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    tiles = []
    for button in [widget.form.bar.stop_button] * earlier + [widget.form.bar.cancel_button]:
        begin(widget)
        qtbot.waitUntil(lambda: len(written) > sum(tiles), timeout=30_000)
        with qtbot.waitSignal(widget.run_ended, timeout=20_000) as ended:
            press(button)
        tiles.append(len(written) - sum(tiles))
    stays = "the tiles of earlier runs stay" if earlier else "nothing was kept"
    assert ended.args[0].sentence == f"Cancelled; {stays}."
    assert names(path) == (["cells.zarr.partial"] if earlier else [])
    assert click(widget).kind == "done"
    assert len(written) == sum(tiles) + 300 - (tiles[0] if earlier else 0)


@pytest.mark.parametrize("how", ["layer", "window"])
def test_what_is_kept_outlives_the_layer_and_the_window(
    viewer, dock, begin, path, written, qtbot, how
):
    stack = long_stack()
    viewer.add_image(stack, name="stack")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), keep_probabilities=True))
    begin(widget)
    run = widget.run
    with qtbot.waitSignal(run.ended, timeout=20_000) as ended:
        viewer.layers.remove(
            newest(viewer)
        ) if how == "layer" else run._job._worker.quit()  # as napari's closing window does
    assert ended.args[0].kind == {"layer": "stopped", "window": "cancelled"}[how]
    model = nu.load_model("tiny-2d")
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["stack"], timeout=5000)
    job = plan_job(
        model.spec,
        scan_of(stack),
        SegmentChoices(keep_probabilities=True).settings,
    )
    outputs = Outputs(path, path.with_name("cells-probabilities.zarr"))
    with resumable_run(
        model,
        job,
        outputs,
        ResumePolicy(resume=True),
        make_engine(model, job.settings, begun=begun_engine(outputs.labels)),
    ) as found:
        assert found.skipped == len(written)
        assert 0 < found.skipped < len(stack)


def test_another_file_that_is_named_meanwhile_stays(viewer, dock, begin, path, qtbot):
    viewer.add_image(long_stack()[:100], name="stack")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    begin(widget)
    other = str(path.with_name("other.zarr"))
    with qtbot.waitSignal(widget.run_ended, timeout=30_000) as ended:
        widget.form.options.set_value(SegmentChoices(keep_in=other))
    assert ended.args[0].kind == "done"
    assert widget.form.options.value().keep_in == other


def test_a_taken_file_of_probabilities_is_refused(viewer, dock, click, path, qtbot):
    viewer.add_image(smooth_image((60, 70)), name="cells")
    widget = dock()
    other = path.with_name("cells-probabilities.zarr")
    other.mkdir()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), keep_probabilities=True))
    end = click(widget)
    assert end.kind == "failed"
    assert (
        end.sentence
        == f"{other} is there already, and is not what this run would give. Choose another name."
    )
    assert names(path) == [other.name]


def test_probabilities_of_another_run_are_in_the_way_of_a_stopped_one_too(
    viewer, dock, begin, click, path, qtbot
):
    image = long_stack()[:200]
    viewer.add_image(image, name="cells")
    widget = dock()
    other = path.with_name("cells-probabilities.zarr")
    write_labels(other, np.zeros(image.shape, np.uint8), scan_of(image))
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    begin(widget)
    with qtbot.waitSignal(widget.run_ended, timeout=20_000):
        press(widget.form.bar.stop_button)
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), keep_probabilities=True))
    end = click(widget)
    assert (
        end.sentence
        == f"{other} is there already, and is not what this run would give. Choose another name."
    )


def test_a_damaged_result_is_refused(viewer, dock, click, path):
    viewer.add_image(smooth_image((300, 80)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    click(widget)
    for chunk in (path / "0" / "c").rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(b"no chunk")
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    end = click(widget)
    assert end.kind == "failed"
    assert end.sentence.startswith(f"{path} is damaged (")
    assert end.sentence.endswith("Choose another name, or remove it and begin anew.")


def test_corrections_stay_in_the_layer(viewer, dock, begin, click, path, qtbot):
    stack = long_stack()[:200]
    viewer.add_image(stack, name="stack")
    widget = dock()
    click(widget)
    first = newest(viewer)
    first.brush_size = 20
    first.paint((3, 40, 40), 1)
    painted = np.asarray(first.data).copy()
    expected = nu.segment(stack, nu.load_model("tiny-2d"))
    assert (painted != expected).any()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    begin(widget)
    with qtbot.waitSignal(widget.run_ended, timeout=20_000):
        press(widget.form.bar.stop_button)
    assert click(widget).kind == "done"
    np.testing.assert_array_equal(newest(viewer).data, painted)
    np.testing.assert_array_equal(values(path), expected)


def test_only_whole_images_are_kept(viewer, dock, click, path, qtbot):
    viewer.add_image(smooth_image((200, 200)), name="cells")
    viewer.layers["cells"].corner_pixels = np.array([[10, 20], [99, 89]])
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), region_in_view_only=True))
    press(widget.form.bar.run_button)
    assert widget.run is None
    assert widget.form.message.text() == (
        'Only whole images are kept in a file. Switch "Visible region only" off, or empty '
        '"Keep in".'
    )
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    (button,) = (
        button
        for button in widget.form.bar.findChildren(QPushButton)
        if button.text() == "What I see"
    )
    with qtbot.waitSignal(widget.run_ended, timeout=30_000) as ended:
        press(button)
    assert ended.args[0].kind == "done"
    assert names(path) == []
    assert widget.form.options.value().keep_in == str(path)


@pytest.mark.parametrize("text", ["cells", "~/cells", "~nobody-of-that-name/cells"])
def test_a_path_is_a_whole_one(viewer, dock, path, monkeypatch, text):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    viewer.add_image(smooth_image((60, 70)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=text))
    press(widget.form.bar.run_button)
    if text != "~/cells":
        assert widget.run is None
        assert (
            widget.form.message.text()
            == f"Give the whole path of the file that the result is kept in, such as {path}."
        )
    else:
        assert widget.run is not None
        widget.end()


@pytest.mark.parametrize(("folder", "sentence"), [("gone", "does not exist"), ("results", "needs")])
def test_a_file_without_a_folder_or_without_room_is_refused(
    viewer, dock, path, qtbot, monkeypatch, folder, sentence
):
    viewer.add_image(smooth_image((60, 70)), name="cells")
    widget = dock()
    monkeypatch.setattr("napari_unet.files.room.SPARE_BYTES", 2**60)
    widget.form.options.set_value(
        SegmentChoices(keep_in=str(path.parent.parent / folder / "x.zarr"))
    )
    if folder == "gone":
        press(widget.form.bar.run_button)
        text = widget.form.message.text()
    else:
        with qtbot.waitSignal(widget.run_ended, timeout=30_000) as ended:
            press(widget.form.bar.run_button)
        text = ended.args[0].sentence
    assert sentence in text
    assert names(path) == []
