"""A second task is a second file, from Python: what it decides is what comes out."""

import numpy as np
import pytest
from scipy.ndimage import label as number_regions

from helpers.region_ids import FIRST, with_region_ids
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.learn.train import train
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tasks.registry import check_can_learn, default_threshold

IMAGE = smooth_image((40, 50))
CLASSES = tiny_model(tiny_spec())


def test_labels_have_the_format_and_the_numbers_of_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = with_region_ids(monkeypatch, CLASSES)
    labels = segment(IMAGE, model)
    foreground = segment(IMAGE, CLASSES)
    numbers, found = number_regions(foreground)
    assert found > 3
    assert labels.dtype == np.uint32
    assert labels.max() == FIRST + found > 2**31
    np.testing.assert_array_equal(labels, np.where(foreground, numbers.astype(np.int64) + FIRST, 0))


def test_what_is_no_image_is_cleared_as_the_task_says(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_region_ids(monkeypatch, CLASSES)
    image = IMAGE.copy()
    image[10:14, 20:24] = np.nan
    assert not segment(image, model)[10:14, 20:24].any()


def test_a_threshold_is_given_to_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_region_ids(monkeypatch, CLASSES)
    assert default_threshold(model.spec) == 0.5
    few = segment(IMAGE, model, settings=SegmentSettings(threshold=0.9))
    assert 0 < np.count_nonzero(few) < np.count_nonzero(segment(IMAGE, model))


def test_what_can_be_run_can_not_always_be_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_region_ids(monkeypatch, CLASSES)
    with pytest.raises(ScanError, match=r"'instances', which can be run, but not trained"):
        train([(IMAGE, (IMAGE > 0.5).astype(np.uint8))], start=model, steps=1)
    check_can_learn(CLASSES.spec)
