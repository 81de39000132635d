"""Samples are the same on every call, fast, and their truth is where the image says."""

import time
from itertools import pairwise

import numpy as np
import pytest

from napari_unet.scans.samples.samples import SAMPLES


@pytest.mark.alone
@pytest.mark.parametrize("name", SAMPLES)
def test_sample(name: str) -> None:
    start = time.perf_counter()
    sample = SAMPLES[name]()
    seconds = time.perf_counter() - start
    assert sample.name == name
    assert sample.image.shape == sample.truth.shape
    assert (sample.image.dtype, sample.truth.dtype) == (np.uint8, np.uint8)
    assert sample.scan.axes == sample.axes
    assert sample.scan.spacing_known
    assert set(np.unique(sample.truth)) == set(range(len(sample.classes)))
    assert seconds < 5, "samples are meant to be made in half a second"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_sample_every_time_and_another_for_another_seed(name: str) -> None:
    first = SAMPLES[name]()
    again = SAMPLES[name]()
    other = SAMPLES[name](8)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.truth, again.truth)
    assert not np.array_equal(first.truth, other.truth)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("nuclei")])
def test_nuclei_are_brighter_than_what_is_around_them(name: str) -> None:
    sample = SAMPLES[name]()
    inside = sample.image[sample.truth == 1]
    outside = sample.image[sample.truth == 0]
    assert np.percentile(inside, 10) > np.percentile(outside, 90)
    assert 0.05 < (sample.truth == 1).mean() < 0.3


def test_myelin_is_bright_around_dark_axons() -> None:
    sample = SAMPLES["axons"]()
    background, axon, myelin = (
        np.median(sample.image[sample.truth == label]) for label in range(3)
    )
    assert axon < background < myelin
    assert all((sample.truth == label).mean() > 0.2 for label in range(3))


def test_the_stack_has_its_true_voxel_size() -> None:
    sample = SAMPLES["nuclei_3d"]()
    assert (sample.axes, sample.spacing) == ("zyx", (1.5, 0.5, 0.5))
    first, *_ = np.nonzero(sample.truth)
    assert len(np.unique(first)) == sample.truth.shape[0]


def test_nuclei_wander_little_from_image_to_image() -> None:
    truth = SAMPLES["nuclei_timelapse"]().truth == 1
    for before, after in pairwise(truth):
        assert 0.5 < (before & after).sum() / (before | after).sum() < 1
