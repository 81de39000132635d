"""Open an image, click Segment, and the masks are those of the Python interface."""

import logging

import numpy as np
import pytest
import zarr
from napari.layers import Labels

import napari_unet as nu
from helpers.failing import BOTH, NOTE, Failing, broken
from helpers.model_files import rewrite_spec
from helpers.tiny import smooth_image
from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import Scan
from napari_unet.segment.engine import choice
from napari_unet.widgets.fields.model_facts import headline
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer


def test_a_click_gives_the_masks_of_the_python_interface(viewer, dock, click):
    image = smooth_image((80, 100))
    viewer.add_image(image, name="cells", scale=(0.5, 0.5), units=("um", "um"), translate=(3, 4))
    widget = dock()
    end = click(widget)
    labels = viewer.layers["cells · tiny-2d"]
    assert end.kind == "done"
    assert widget.form.message.text().startswith("Done in")
    np.testing.assert_array_equal(labels.data, nu.segment(image, nu.load_model("tiny-2d")))
    assert 0.2 < labels.data.mean() < 0.8
    assert labels.data.dtype == np.uint8
    np.testing.assert_allclose(labels.extent.world, viewer.layers["cells"].extent.world)


def test_the_metadata_says_how_it_was_made(viewer, dock, click):
    viewer.add_image(smooth_image((40, 50)), name="cells")
    click(dock())
    facts = viewer.layers["cells · tiny-2d"].metadata[MARK]
    model = nu.load_model("tiny-2d")
    assert (facts["model"], facts["weights_sha256"]) == ("tiny-2d", model.weights_sha256)
    assert facts["complete"]
    assert facts["done_map"].all()
    assert {"settings", "statistics", "engine", "precision", "halo"} <= set(facts)


def test_the_engine_that_ran_is_reported_and_kept(viewer, dock, click):
    viewer.add_image(smooth_image((40, 50)), name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(engine="torch"))
    click(widget)
    facts = viewer.layers["cells · tiny-2d"].metadata[MARK]
    assert facts["engine"] == f"torch {torch.__version__} on cpu"
    assert (facts["settings"]["engine"], facts["precision"], facts["engine_note"]) == (
        "torch",
        "float32",
        "",
    )
    assert widget.form.message.text().endswith(f"with {facts['engine']}.")


def test_an_engine_that_can_not_run_the_model_is_reported_at_the_end(
    viewer, dock, click, monkeypatch
):
    def refuse(model, precision):
        raise EngineError("OpenVINO can not run this model (no such processor).")

    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    monkeypatch.setattr(choice, "_openvino", refuse)
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "openvino")
    viewer.add_image(smooth_image((40, 50)), name="cells")
    widget = dock()
    assert click(widget).kind == "done"
    note = "OpenVINO can not run this model (no such processor). PyTorch runs instead."
    assert widget.form.message.text().endswith(f"with torch {torch.__version__} on cpu. {note}")
    assert viewer.layers["cells · tiny-2d"].metadata[MARK]["engine_note"] == note


def test_an_engine_that_fails_on_the_way_is_reported_and_kept(viewer, dock, click, monkeypatch):
    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    monkeypatch.setattr(
        choice, "_openvino", lambda model, precision: Failing(model, broken, good=2)
    )
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "openvino")
    viewer.add_image(smooth_image((5, 40, 50)), name="stack")
    widget = dock()
    assert click(widget).kind == "done"
    assert widget.form.message.text().endswith(f"with {BOTH}. {NOTE}")
    facts = viewer.layers["stack · tiny-2d"].metadata[MARK]
    assert (facts["engine"], facts["engine_note"]) == (BOTH, NOTE)


def test_the_image_and_older_results_are_never_touched(viewer, dock, click):
    image = smooth_image((40, 50))
    viewer.add_image(image.copy(), name="cells")
    widget = dock()
    click(widget)
    first = viewer.layers["cells · tiny-2d"]
    first.data[:] = 1
    click(widget)
    assert (first.data == 1).all()
    assert len([layer for layer in viewer.layers if isinstance(layer, Labels)]) == 2
    np.testing.assert_array_equal(viewer.layers["cells"].data, image)


def test_a_stack_is_segmented_slice_by_slice(viewer, dock, click):
    stack = smooth_image((3, 40, 50))
    viewer.add_image(stack, name="stack")
    click(dock())
    np.testing.assert_array_equal(
        viewer.layers["stack · tiny-2d"].data, nu.segment(stack, nu.load_model("tiny-2d"))
    )


def test_a_volume_is_segmented_as_one(viewer, dock, click):
    volume = smooth_image((10, 20, 24))
    viewer.add_image(volume, name="volume")
    click(dock("tiny-3d"))
    np.testing.assert_array_equal(
        viewer.layers["volume · tiny-3d"].data, nu.segment(volume, nu.load_model("tiny-3d"))
    )


def test_two_layers_are_two_channels(viewer, dock, click):
    one = smooth_image((40, 50), 1)
    two = smooth_image((40, 50), 2)
    viewer.add_image(one, name="one")
    viewer.add_image(two, name="two")
    click(dock("tiny-channels"))
    expected = nu.segment(np.stack([one, two]), nu.load_model("tiny-channels"), axes="cyx")
    np.testing.assert_array_equal(viewer.layers["one · tiny-channels"].data, expected)


def test_one_layer_with_a_channel_axis(viewer, dock, click):
    both = np.stack([smooth_image((40, 50), 1), smooth_image((40, 50), 2)])
    viewer.add_image(both, name="both", channel_axis=None)
    widget = dock("tiny-channels")
    widget.form.image._layers._source.setCurrentIndex(1)
    click(widget)
    labels = viewer.layers["both · tiny-channels"]
    assert labels.ndim == 2
    np.testing.assert_array_equal(
        labels.data, nu.segment(both, nu.load_model("tiny-channels"), axes="cyx")
    )


def test_pixel_sizes_are_matched(viewer, dock, click):
    image = smooth_image((60, 60))
    viewer.add_image(image, name="fine", scale=(0.25, 0.25), units=("um", "um"))
    widget = dock("tiny-spacing")
    assert widget.form.image._match_note.text() == "Resampled from 0.25 µm to 0.5 µm"
    click(widget)
    model = nu.load_model("tiny-spacing")
    expected = nu.segment(Scan(image, "yx", (0.25, 0.25), "um"), model)
    np.testing.assert_array_equal(viewer.layers["fine · tiny-spacing"].data, expected)
    assert (expected != nu.segment(image, model)).any()


def test_a_model_of_a_newer_program_runs_and_what_was_left_out_is_said(
    viewer, dock, click, tmp_path
):
    rewrite_spec(
        tmp_path / "tiny-2d.safetensors", lambda spec: spec.update(format_version=2, quality=1)
    )
    viewer.add_image(smooth_image((40, 50)), name="cells")
    widget = dock()
    assert "newer version of this program" in widget.form.message.text()
    assert "newer version of this program" in headline(widget.form.model.value())
    assert click(widget).kind == "done"


def test_colours_are_taken_as_luminance_and_it_is_said(viewer, dock, click):
    image = (255 * np.stack([smooth_image((40, 50), seed) for seed in range(3)], -1)).astype(
        np.uint8
    )
    viewer.add_image(image, name="colours", rgb=True)
    widget = dock()
    assert "luminance" in widget.form.message.text()
    click(widget)
    expected = nu.segment(Scan(image, "yxc", (1.0, 1.0), rgb=True), nu.load_model("tiny-2d"))
    np.testing.assert_array_equal(viewer.layers["colours · tiny-2d"].data, expected)


@pytest.mark.parametrize("numbers", [3, 4])
def test_colours_are_the_channels_of_a_model_with_three(viewer, dock, click, numbers):
    image = (255 * np.stack([smooth_image((40, 50), seed) for seed in range(numbers)], -1)).astype(
        np.uint8
    )
    viewer.add_image(image, name="colours", rgb=True)
    widget = dock("tiny-colours")
    assert "a single layer" in widget.form.message.text()
    widget.form.image._layers._source.setCurrentIndex(1)
    assert widget.form.message.text() == ""
    click(widget)
    expected = nu.segment(image[..., :3], nu.load_model("tiny-colours"), axes="yxc")
    np.testing.assert_array_equal(viewer.layers["colours · tiny-colours"].data, expected)
    assert 0.2 < expected.mean() < 0.8


def test_of_several_resolutions_the_finest_is_segmented(viewer, dock, click):
    image = smooth_image((64, 64))
    viewer.add_image([image, image[::2, ::2]], name="pyramid")
    click(dock())
    np.testing.assert_array_equal(
        viewer.layers["pyramid · tiny-2d"].data, nu.segment(image, nu.load_model("tiny-2d"))
    )


@pytest.mark.parametrize(
    ("shape", "model", "words"),
    [((40, 50), "tiny-channels", "one layer for each"), ((40, 50), "tiny-3d", "volumes")],
)
def test_a_mismatch_is_reported_before_the_run(viewer, dock, shape, model, words):
    viewer.add_image(np.zeros(shape), name="cells")
    widget = dock(model)
    if model == "tiny-channels":
        widget.form.image._layers._source.setCurrentIndex(1)
    assert words in widget.form.message.text()
    assert not widget.form.bar.run_button.isEnabled()


def test_without_an_image_the_dock_says_what_to_do(viewer, dock, qtbot):
    widget = dock()
    assert "Open an image" in widget.form.message.text()
    viewer.add_image(np.zeros((40, 50)))
    qtbot.waitUntil(widget.form.bar.run_button.isEnabled)
    assert widget.form.message.text() == ""


def test_an_image_of_nan_is_a_sentence_with_details(viewer, dock, click, qtbot):
    viewer.add_image(np.full((40, 50), np.nan), name="nothing", contrast_limits=(0, 1))
    widget = dock()
    end = click(widget)
    assert end.kind == "failed"
    assert "NaN" in widget.form.message.text()
    assert "Traceback" in widget.form.message.details()
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["nothing"])


def test_what_libraries_warn_of_while_tiles_are_read_is_said_once(
    viewer, dock, click, tmp_path, monkeypatch
):
    data = zarr.create_array(tmp_path / "image.zarr", data=smooth_image((80, 100)))
    viewer.add_image(data, name="cells")
    widget = dock()
    widget.form.options.set_value(SegmentChoices(tile_px=32))
    honest = zarr.Array.__getitem__

    def odd(self, index):
        logging.getLogger("tifffile").warning("odd chunk")
        return honest(self, index)

    monkeypatch.setattr(zarr.Array, "__getitem__", odd)
    assert click(widget).kind == "done"
    assert widget.form.message.text().count("The file is read, but: odd chunk") == 1
