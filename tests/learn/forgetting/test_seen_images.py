import numpy as np
import pytest

import napari_unet as nu
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.forgetting.seen_images import (
    MOST_IMAGES,
    seen_images_of,
    with_needed_guard,
)
from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.scan import scan_of

MANY = {"0": 60, "1": 40}
MORE = {"0": 200, "1": 100}
FEWER = {"0": 90, "1": 39}
KEEP = TrainSettings(keep_what_it_knew=True)


def item(seed: int) -> TrainItem:
    image = np.random.default_rng(seed).random((40, 48), np.float32)
    return TrainItem(scan_of(image), (image > 0.5).astype(np.uint8))


def test_where_all_that_the_parent_learnt_from_is_there_again_there_is_no_guard() -> None:
    training = {"experience": seen_images_of([item(0), item(1)], MANY, None)}
    settings = with_needed_guard(KEEP, [item(1), item(2), item(0)], MANY, training)
    assert settings == TrainSettings()


def test_what_is_missing_or_less_or_unknown_is_guarded() -> None:
    training = {"experience": seen_images_of([item(0), item(1)], MANY, None)}
    assert with_needed_guard(KEEP, [item(0), item(2)], MORE, training) == KEEP
    assert with_needed_guard(KEEP, [item(0), item(1)], FEWER, training) == KEEP
    assert with_needed_guard(KEEP, [item(0), item(1)], MANY, {}) == KEEP


def test_what_was_seen_grows_from_parent_to_child_and_ends_where_it_is_not_known() -> None:
    first = seen_images_of([item(0)], MORE, None)
    second = seen_images_of([item(1)], MANY, {"experience": first})
    assert second is not None
    assert len(second["images"]) == 2
    assert second["voxels"] == MORE
    assert seen_images_of([item(1)], MANY, {}) is None
    assert seen_images_of([item(n) for n in range(MOST_IMAGES + 1)], MANY, None) is None


@pytest.mark.parametrize(
    "training",
    [
        3,
        {"images": "all", "voxels": {}},
        {"images": [1], "voxels": {}},
        {"images": [], "voxels": {"0": "many"}},
    ],
)
def test_nonsense_in_a_model_file_is_guarded(training: object) -> None:
    assert with_needed_guard(KEEP, [item(0)], MANY, {"experience": training}) == KEEP


def test_a_second_round_on_more_of_the_same_is_not_held_to_the_first() -> None:
    quick = KEEP.model_copy(update={"steps": 1, "batch": 1, "patch_px": 16, "device": "cpu"})
    first = nu.train([item(0)], settings=quick).model
    assert nu.train([item(0), item(1)], start=first, settings=quick).settings.guard_outputs == 0
    assert nu.train([item(1)], start=first, settings=quick).settings.guard_outputs != 0
