"""The parent's targets for the guard, and where there are none: held-out labels must judge a child
that was free to differ.
"""

import numpy as np
import pytest

from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example, Extent
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.forgetting import parent_targets as targets
from napari_unet.learn.forgetting.parent_targets import with_parent_targets
from napari_unet.learn.judging.held_out import hold_out
from napari_unet.progress import always_continue
from napari_unet.scans.scan import scan_of


def test_nothing_pulls_the_child_to_the_parent_where_it_is_judged() -> None:
    parent = tiny_model(tiny_spec(depth=1))
    image = smooth_image((160, 160))
    labels = (image > np.median(image)).astype(np.uint8)
    trust = np.zeros(labels.shape, np.uint8)
    trust[:, :120] = 2  # a reviewed region, and a part that nobody saw
    item = TrainItem(scan_of(image), labels, trust)
    held = hold_out([item], 2, [8.0], turn=1)
    assert held.excluded
    made = examples_of(
        item.scan,
        labels,
        parent.spec,
        trust,
        excluded=held.excluded_of(0),
        extent=Extent(guarded_voxels=160**2),
    )
    found = with_parent_targets(made, parent, "cpu", always_continue)
    found_targets = found[0].parent_targets
    assert found_targets is not None
    behind = np.zeros(labels.shape, bool)
    for box in held.excluded:
        behind[box.slices] = True
    assert np.isnan(found_targets[0][behind]).all()
    assert np.isfinite(found_targets[0][~behind]).all()


def test_an_example_of_which_all_else_is_held_out_has_no_parent_targets() -> None:
    parent = tiny_model(tiny_spec(depth=1))
    image = smooth_image((160, 160))
    item = TrainItem(scan_of(image), (image > np.median(image)).astype(np.uint8))
    held = hold_out([item], 2, [8.0], turn=1)
    made = examples_of(
        item.scan,
        item.labels,
        parent.spec,
        excluded=held.excluded_of(0),
        extent=Extent(guarded_voxels=160**2),
    )
    assert (made[0].labels == IGNORE).any()
    assert [
        example.parent_targets
        for example in with_parent_targets(made, parent, "cpu", always_continue)
    ] == [None]


def example(side: int, *, teaches: bool = True) -> Example:
    labels = np.full((side, side), IGNORE, np.uint8)
    labels[-12:-6, 4:10] = teaches * np.uint8(1) + (not teaches) * np.uint8(IGNORE)
    return Example(smooth((1, side, side)), labels)


def test_of_a_frame_too_large_the_part_around_what_teaches_is_guarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "TARGET_VOXELS", {2: 32**2})
    large = example(96)
    whole, part = with_parent_targets([large], tiny_model(tiny_spec()), "cpu", always_continue)
    assert whole.parent_targets is None
    assert whole.image is large.image
    assert part.parent_targets is not None
    assert part.parent_targets.shape == (1, 32, 32)
    assert part.image.base is large.image
    assert part.labels[20:26, 4:10].tolist() == [[1] * 6] * 6


def test_frames_that_teach_come_first_and_the_others_as_far_as_it_is_affordable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "TARGET_VOXELS", {2: 2 * 40**2 + 10})
    others = [example(40, teaches=False) for _ in range(3)]
    found = with_parent_targets(
        [*others, example(40)], tiny_model(tiny_spec()), "cpu", always_continue
    )
    assert [each.parent_targets is not None for each in found] == [True, True]
    assert found[0].image is others[0].image
    assert (found[1].labels != IGNORE).any()
    trusted = Example(smooth((1, 40, 40)), np.ones((40, 40), np.uint8))
    (only,) = with_parent_targets([trusted], tiny_model(tiny_spec()), "cpu", always_continue)
    assert only.parent_targets is None
