import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Extent
from napari_unet.learn.data.item import ItemBox, TrainItem
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.data.patches import PatchSampler
from napari_unet.learn.forgetting.parent_targets import extent_for
from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.scan import scan_of


def pair(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    image = smooth_image(shape)
    return image, (image > 0.5).astype(np.uint8)


def test_only_trusted_and_finite_voxels_teach() -> None:
    image, truth = pair(40, 40)
    image[0, 0] = np.nan
    trust = np.zeros(truth.shape, bool)
    trust[:10] = True
    (example,) = examples_of(scan_of(image), truth, tiny_spec(), trust)
    assert example.labels[0, 0] == IGNORE
    assert (example.labels[10:] == IGNORE).all()
    np.testing.assert_array_equal(example.labels[1:10], truth[1:10])


def test_examples_are_on_the_models_grid() -> None:
    image, truth = pair(40, 40)
    (example,) = examples_of(
        scan_of(image, spacing=(0.1, 0.1)), truth, tiny_spec(spacing=(0.2, 0.2))
    )
    assert example.image.shape == (1, 20, 20)
    assert (example.labels == truth[1::2, 1::2]).all()
    assert example.spacing == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("at", [(10, 10), (11, 10), (13, 14)])
def test_a_stroke_thinner_than_the_models_voxels_still_teaches(at: tuple[int, int]) -> None:
    image, truth = pair(40, 40)
    truth[at] = 1
    trust = np.zeros(truth.shape, np.uint8)
    trust[at] = 1
    (example,) = examples_of(
        scan_of(image, spacing=(0.1, 0.1)), truth, tiny_spec(spacing=(0.3, 0.2)), trust
    )
    assert (example.labels == 1).sum() == 1
    assert (example.labels != IGNORE).sum() == 1
    assert example.labels[int(at[0] / 3), at[1] // 2] == 1


def test_labels_that_do_not_fit_are_refused() -> None:
    image, truth = pair(40, 40)
    with pytest.raises(ScanError, match="the same"):
        examples_of(scan_of(image), truth[1:], tiny_spec())
    with pytest.raises(ScanError, match="2 classes"):
        examples_of(scan_of(image), truth * 2, tiny_spec())


def test_slices_without_trust_are_left_out_and_some_kept_for_a_guard() -> None:
    image, truth = pair(40, 24, 24)
    trust = np.zeros(truth.shape, np.uint8)
    trust[7, 3, 3] = 2
    scan = scan_of(image, axes="zyx")
    (only,) = examples_of(scan, truth, tiny_spec(), trust)
    assert only.labels[3, 3] == truth[7, 3, 3]
    guarded = examples_of(
        scan, truth, tiny_spec(), trust, extent=Extent(guarded_voxels=1, other_frames=5)
    )
    assert len(guarded) == 6
    assert sum(bool((e.labels != IGNORE).any()) for e in guarded) == 1
    assert examples_of(scan, truth, tiny_spec(), trust * 0) == []


@pytest.mark.parametrize("spacing", [(0.1, 0.1), (0.3, 0.07)])
def test_in_an_excluded_box_nothing_teaches_and_no_guard_pulls(
    spacing: tuple[float, float],
) -> None:
    image, truth = pair(60, 60)
    scan = scan_of(image, spacing=spacing)
    boxes = [ItemBox(0, (slice(10, 30), slice(20, 60)))]
    spec = tiny_spec(spacing=(0.15, 0.15))
    (example,) = examples_of(scan, truth, spec, excluded=boxes, extent=Extent(guarded_voxels=1))
    behind = tuple(
        slice(int(p.start * size / 0.15 + 1), int(p.stop * size / 0.15 - 1))
        for p, size in zip(boxes[0].slices, spacing, strict=True)
    )
    assert example.parent_targets is not None
    assert (example.labels[behind] == IGNORE).all()
    assert np.isnan(example.parent_targets[0][behind]).all()
    assert np.isnan(example.parent_targets[0])[example.labels == IGNORE].all()
    assert np.isfinite(example.parent_targets[0][:, : behind[1].start - 2]).all()
    assert examples_of(scan, truth, spec, excluded=boxes)[0].parent_targets is None


@pytest.mark.parametrize("wanted", [(0.1, 0.1), (0.23, 0.17), (0.06, 0.3)])
@pytest.mark.parametrize("at", [(100, 130), (0, 219), (199, 4)])
def test_what_is_cropped_is_a_part_of_the_whole(
    at: tuple[int, int], wanted: tuple[float, float]
) -> None:
    image, truth = pair(200, 220)
    image[at[0] - 3, at[1]] = np.nan
    trust = np.zeros(truth.shape, np.uint8)
    trust[max(0, at[0] - 9) : at[0] + 8, at[1] - 4 : at[1] + 3] = 1
    scan = scan_of(image, spacing=(0.1, 0.1))
    spec = tiny_spec(spacing=wanted)
    (whole,) = examples_of(scan, truth, spec, trust)
    (part,) = examples_of(scan, truth, spec, trust, extent=Extent(reach=20))
    assert part.labels.size < whole.labels.size / 2
    first = [
        int(w[0] - p[0])
        for w, p in zip(
            np.nonzero(whole.labels != IGNORE), np.nonzero(part.labels != IGNORE), strict=True
        )
    ]
    index = tuple(
        slice(start, start + n) for start, n in zip(first, part.labels.shape, strict=True)
    )
    np.testing.assert_array_equal(part.labels, whole.labels[index])
    np.testing.assert_allclose(part.image, whole.image[(slice(None), *index)], atol=1e-6)
    assert (part.labels != IGNORE).sum() == (whole.labels != IGNORE).sum()


def test_a_stroke_on_a_large_scan_makes_a_small_example_and_the_same_patches() -> None:
    image = np.tile((255 * smooth_image((500, 500))).astype(np.uint8), (8, 8))
    trust = np.zeros(image.shape, np.uint8)
    trust[1000:1040, 3000:3008] = 1
    scan = scan_of(image)
    truth = (image > 127).astype(np.uint8)
    settings = TrainSettings(batch=4, patch_shape=(64, 64))
    (whole,) = examples_of(scan, truth, tiny_spec(), trust)
    (part,) = examples_of(
        scan,
        truth,
        tiny_spec(),
        trust,
        extent=extent_for(settings, [TrainItem(scan, truth, trust)], 2, guarded=False),
    )
    assert part.image.nbytes < whole.image.nbytes / 100
    for one, other in zip(
        *(PatchSampler([example], settings).batch(4)[:2] for example in (whole, part)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)
    (guarded,) = examples_of(
        scan, truth, tiny_spec(), trust, extent=Extent(128, guarded_voxels=400**2)
    )
    assert 400**2 <= guarded.labels.size < 2 * 400**2


def test_axes_in_another_order_end_in_the_networks() -> None:
    image, truth = pair(30, 20)
    (example,) = examples_of(scan_of(image, axes="xy"), truth, tiny_spec())
    assert example.image.shape == (1, 20, 30)
    np.testing.assert_array_equal(example.labels, truth.T)
