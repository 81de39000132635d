import numpy as np
import pytest

from napari_unet.errors import ScanError
from napari_unet.learn.example import IGNORE, MOST_UNTRUSTED, examples_of
from napari_unet.scans.scan import scan_of
from tiny import smooth_image, tiny_spec


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
    (example,) = examples_of(scan_of(image, spacing=(0.1, 0.1)), truth, tiny_spec(spacing=(0.2, 0.2)))
    assert example.image.shape == (1, 20, 20)
    assert (example.labels == truth[1::2, 1::2]).all()
    assert example.spacing == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("at", [(10, 10), (11, 10), (13, 14)])
def test_a_stroke_thinner_than_the_models_voxels_still_teaches(at: tuple[int, int]) -> None:
    image, truth = pair(40, 40)
    truth[at] = 1
    trust = np.zeros(truth.shape, np.uint8)
    trust[at] = 1
    (example,) = examples_of(scan_of(image, spacing=(0.1, 0.1)), truth, tiny_spec(spacing=(0.3, 0.2)), trust)
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
    guarded = examples_of(scan, truth, tiny_spec(), trust, prior=lambda image: np.full((1, *image.shape[1:]), 0.25))
    assert len(guarded) == 1 + MOST_UNTRUSTED
    assert sum(bool((e.labels != IGNORE).any()) for e in guarded) == 1
    assert all(e.prior is not None and e.prior.dtype == np.float16 and (e.prior == 0.25).all() for e in guarded)
    assert examples_of(scan, truth, tiny_spec(), trust * 0) == []
    assert len(examples_of(scan, truth, tiny_spec(), trust, others=5)) == 6


def test_a_prior_array_goes_the_way_of_the_image() -> None:
    image, truth = pair(2, 40, 40)
    prior = image[None]
    examples = examples_of(
        scan_of(image, axes="zyx", spacing=(1, 0.1, 0.1)), truth, tiny_spec(spacing=(0.2, 0.2), norm="none"), prior=prior
    )
    for example in examples:
        assert example.prior is not None
        assert example.prior.shape == (1, 20, 20)
        assert np.corrcoef(example.prior.ravel(), example.image.ravel())[0, 1] > 0.999


def test_axes_in_another_order_end_in_the_networks() -> None:
    image, truth = pair(30, 20)
    (example,) = examples_of(scan_of(image, axes="xy"), truth, tiny_spec())
    assert example.image.shape == (1, 20, 30)
    np.testing.assert_array_equal(example.labels, truth.T)
