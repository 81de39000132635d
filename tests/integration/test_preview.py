"""While a model is trained, the part that the user looks at is predicted, and another part when
they look elsewhere.
"""

import numpy as np
import pytest

from helpers.clicks import press
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.library import load_model
from napari_unet.scans.scan import Scan
from napari_unet.segment.engine import choice
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.finetune.fields.preview import PreviewPart
from napari_unet.widgets.finetune.order import PreviewRegion, PreviewRegions
from napari_unet.widgets.finetune.preview_job import PreviewJob
from napari_unet.widgets.finetune.preview_region import PreviewFollower, preview_region

pytestmark = pytest.mark.viewer


def followed(viewer, shape, axes):
    image = viewer.add_image(smooth_image(shape), name="cells")
    scan = Scan(image.data, axes, (1.0,) * sum(a in "zyx" for a in axes))
    regions = PreviewRegions()
    return PreviewFollower(viewer, image, scan, axes, regions), regions, scan


def centre(viewer, *point):
    viewer.scene.camera.center = point
    viewer.scene.camera.zoom = 8
    viewer.window._qt_viewer.canvas.native.resize(400, 400)


def test_the_part_in_view_is_predicted_as_the_whole_would_be(monkeypatch):
    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    # compiling for a model that is run once would not pay
    monkeypatch.setattr(choice, "_openvino", None)
    by_torch = SegmentSettings(engine="torch")
    child, parent = (tiny_model(tiny_spec(), seed) for seed in (0, 1))
    image = smooth_image((3, 90, 80))
    scan = Scan(image, "zyx", (1.0, 1.0, 1.0))
    job = PreviewJob(scan, parent, TrainSettings(device="cpu"))
    for frame, region in (
        ((1,), (slice(10, 40), slice(20, 60))),
        ((2,), (slice(50, 90), slice(0, 30))),
    ):
        part = job.part(child, PreviewRegion(frame, region))
        index = (*frame, *region)
        np.testing.assert_array_equal(
            part.now, segment(image, child, axes="zyx", settings=by_torch)[index]
        )
        np.testing.assert_array_equal(
            part.before, segment(image, parent, axes="zyx", settings=by_torch)[index]
        )
        assert part.image.shape == part.now.shape
        assert np.corrcoef(part.image.ravel(), image[index].ravel())[0, 1] > 0.99


def test_a_child_that_has_learnt_more_is_predicted_anew_and_the_parent_only_once(monkeypatch):
    scan = Scan(smooth_image((40, 40)), "yx", (1.0, 1.0))
    first, second, parent = (tiny_model(tiny_spec(), seed) for seed in (0, 2, 1))
    job = PreviewJob(scan, parent, TrainSettings(device="cpu"))
    region = PreviewRegion((), (slice(0, 40), slice(0, 40)))
    seen = []
    labels = job._labels
    monkeypatch.setattr(job, "_labels", lambda model, at: seen.append(model) or labels(model, at))
    parts = [job.part(model, region) for model in (first, second)]
    assert (parts[0].now != parts[1].now).any()
    assert [seen.count(model) for model in (first, second, parent)] == [1, 1, 1]


def test_the_region_follows_slice_and_camera(viewer, qtbot):
    follower, regions, _ = followed(viewer, (5, 400, 300), "tyx")
    viewer.dims.set_current_step(0, 3)
    centre(viewer, 0, 100, 80)
    follower.update()
    before = regions.by_dimensions[2]
    assert before.frame == (3,)
    assert all(
        part.start <= at < part.stop and part.stop - part.start <= 256
        for part, at in zip(before.region, (100, 80), strict=True)
    )
    centre(viewer, 0, 300, 220)
    qtbot.waitUntil(lambda: regions.by_dimensions[2] != before, timeout=3000)  # by itself
    assert all(
        part.start <= at < part.stop
        for part, at in zip(regions.by_dimensions[2].region, (300, 220), strict=True)
    )


def test_of_a_volume_one_plane_is_predicted(viewer):
    follower, regions, scan = followed(viewer, (9, 60, 50), "zyx")
    viewer.dims.set_current_step(0, 6)
    follower.update()
    assert regions.by_dimensions[3].region[0] == slice(6, 7)
    part = PreviewJob(scan, None, TrainSettings(device="cpu")).part(
        tiny_model(tiny_spec(3, depth=1)), regions.by_dimensions[3]
    )
    assert (
        part.now.shape
        == part.image.shape
        == tuple(side.stop - side.start for side in regions.by_dimensions[3].region[1:])
    )
    assert part.before is None


def test_a_layer_that_is_gone_leaves_the_region_and_an_end_lets_the_scan_go(viewer):
    follower, regions, _ = followed(viewer, (40, 50), "yx")
    before = regions.by_dimensions[2]
    viewer.layers.clear()
    follower.update()
    assert regions.by_dimensions[2] is before
    follower.stop()
    assert follower._scan is None


def test_far_outside_the_image_a_part_of_it_is_still_predicted(viewer):
    follower, _, scan = followed(viewer, (40, 50), "yx")
    centre(viewer, 0, 4000, 4000)
    region = preview_region(viewer, viewer.layers["cells"], scan, "yx", 2)
    assert all(
        0 <= part.start < part.stop <= n for part, n in zip(region.region, (40, 50), strict=True)
    )
    follower.stop()


@pytest.mark.usefixtures("few_steps")
def test_a_training_shows_the_part_in_view_before_and_now(viewer, corrected, qtbot, monkeypatch):
    monkeypatch.setattr("napari_unet.learn.monitor.PREVIEW_S", 0.0)
    messages = []
    press(corrected.form.bar.run_button)
    corrected.run.reported.connect(messages.append)
    with qtbot.waitSignal(corrected.run_ended, timeout=60_000):
        pass
    parts = [message for message in messages if isinstance(message, PreviewPart)]
    assert parts
    assert parts[-1].image.shape == parts[-1].before.shape == parts[-1].now.shape == (96, 96)
    whole = segment(viewer.layers["cells"].data, load_model(str(corrected.form.model.value().path)))
    np.testing.assert_array_equal(parts[-1].before, whole)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 3.4e38, np.nan, np.inf])
def test_values_that_are_no_intensities_do_not_spoil_the_preview(value: float) -> None:
    image = smooth_image((60, 60)).astype(np.float64)
    image[30, 30] = value
    job = PreviewJob(Scan(image, "yx", (1.0, 1.0)), None, TrainSettings(device="cpu"))
    whole = (slice(0, 60), slice(0, 60))
    part = job.part(tiny_model(tiny_spec()), PreviewRegion((), whole))
    assert np.isfinite(part.image).all()
