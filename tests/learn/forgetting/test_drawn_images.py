"""Drawn images for the guard: as the model sees scans, of many kinds, the same for a seed."""

import numpy as np
import pytest

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.forgetting.drawn_images import drawn_images, most_informative
from napari_unet.learn.forgetting.parent_targets import with_parent_targets
from napari_unet.progress import always_continue


@pytest.mark.parametrize(
    ("dimensions", "channels", "side", "drawn"), [(2, 1, 192, 6), (2, 3, 192, 6), (3, 1, 64, 2)]
)
def test_they_fit_the_model_and_teach_nothing(
    dimensions: int, channels: int, side: int, drawn: int
) -> None:
    spec = tiny_spec(dimensions, channels=channels, spacing=(0.5,) * dimensions)
    found = drawn_images(spec, 2, seed=3)
    assert [e.image.shape for e in found] == [(channels, *(side,) * dimensions)] * drawn
    assert all((e.labels == IGNORE).all() for e in found)
    assert all(
        e.spacing is None for e in found
    )  # so that they leave the proportions of the user's voxels alone


def test_no_image_is_drawn_on_which_the_parent_is_not_run() -> None:
    parent = tiny_model(tiny_spec(3, depth=1))
    drawn = drawn_images(parent.spec, 8, seed=0)
    run_on = [
        example.parent_targets is not None
        for example in with_parent_targets(drawn, parent, "cpu", always_continue)
    ]
    assert run_on == [True] * len(drawn) == [True] * 2


def test_the_same_seed_draws_the_same_and_each_image_is_another() -> None:
    once, again, other = (drawn_images(tiny_spec(), 3, seed)[:] for seed in (1, 1, 2))
    assert all((a.image == b.image).all() for a, b in zip(once, again, strict=True))
    assert not (once[0].image == once[1].image).all()
    assert not (once[0].image == other[0].image).all()


def test_they_lie_in_the_range_of_normalised_scans() -> None:
    images = np.stack([e.image for e in drawn_images(tiny_spec(), 8, seed=0)])
    assert np.isfinite(images).all()
    assert -1 < np.quantile(images, 0.01) < np.quantile(images, 0.99) < 2


@pytest.mark.parametrize("outputs", [1, 3])
def test_those_on_which_the_parents_targets_say_most_are_used(outputs: int) -> None:
    image = np.zeros((1, 8, 8), np.float32)
    labels = np.full((8, 8), IGNORE, np.uint8)
    unsure = np.full((outputs, 8, 8), 1 / max(2, outputs), np.float16)
    all_same = np.zeros_like(unsure)
    certain = np.zeros_like(unsure)
    all_same[0] = 1
    certain[0, :4] = 1
    certain[-1, 4:] = outputs > 1
    examples = [Example(image, labels, targets) for targets in (unsure, certain, all_same)]
    assert most_informative(examples, 1) == [examples[1]]
