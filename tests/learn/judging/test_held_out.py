"""What is held out, what still teaches, and that no label leaks between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.data.same_scan import scan_numbers
from napari_unet.learn.judging import sampling_units
from napari_unet.learn.judging.folds import SCORING
from napari_unet.learn.judging.held_out import HoldOut, hold_out
from napari_unet.learn.judging.sampling_units import FEWEST_UNITS
from napari_unet.scans.scan import Scan, scan_of

OBJECT_PX = 8.0


def item(
    shape: tuple[int, ...], trust: np.ndarray | None = None, seed: int = 0, axes: str | None = None
) -> TrainItem:
    labels = np.zeros(shape, np.uint8)
    labels[..., 4::12, :] = 1
    labels[..., :, 5::12] = 0
    return TrainItem(scan_of(np.zeros(shape, np.float32), axes), labels, trust)


def teaching_voxels(held: HoldOut, number: int, item: TrainItem) -> np.ndarray:
    mask = np.ones(item.scan.result_shape, bool) if item.trust is None else item.trust > 0
    for box in held.excluded_of(number):
        mask[box.slices] = False
    return mask


def masks(held: HoldOut, items: list[TrainItem]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Per item which voxels teach and which are judged."""
    judged = [np.zeros(each.scan.result_shape, bool) for each in items]
    for region in held.judged.regions:
        index = items[region.item].scan.result_index(region.frame, region.slices)
        judged[region.item][index] |= region.unit_numbers >= 0
    return [teaching_voxels(held, n, each) for n, each in enumerate(items)], judged


@given(
    st.integers(0, 7), st.integers(96, 200), st.integers(96, 200), st.sampled_from([3.0, 8.0, 16.0])
)
def test_of_one_image_a_corner_is_held_out_behind_a_margin(
    turn: int, height: int, width: int, object_px: float
) -> None:
    items = [item((height, width))]
    held = hold_out(items, 2, [object_px], turn)
    (teaching,), (judged,) = masks(held, items)
    assert judged.any()
    assert teaching.mean() >= 0.5
    assert distance_transform_edt(~teaching)[judged].min() > max(object_px, 16)
    rows, columns = np.nonzero(judged)
    assert min(np.ptp(rows), np.ptp(columns)) + 1 >= 3 * object_px


def test_each_round_holds_out_another_part_until_all_had_their_turn() -> None:
    items = [item((128, 128))]
    parts = [masks(hold_out(items, 2, [OBJECT_PX], turn), items)[1][0] for turn in range(4)]
    assert np.array_equal(np.sum(parts, axis=0), np.ones((128, 128)))
    assert np.array_equal(parts[0], masks(hold_out(items, 2, [OBJECT_PX], 4), items)[1][0])


def test_of_several_images_whole_ones_are_held_out() -> None:
    items = [item((40, 40)) for _ in range(10)]
    seen = set()
    for turn in range(4):
        teaching, judged = masks(hold_out(items, 2, [OBJECT_PX] * 10, turn), items)
        assert all(bool(t.all()) != bool(j.all()) for t, j in zip(teaching, judged, strict=True))
        held = [n for n, mask in enumerate(judged) if mask.all()]
        assert 2 <= len(held) <= 3  # one block each, so up to a third
        seen.update(held)
    assert seen == set(range(10))


def test_of_many_slices_a_run_is_held_out_and_its_neighbours_do_not_teach() -> None:
    items = [item((40, 60, 60), axes="zyx")]
    (teaching,), (judged,) = masks(hold_out(items, 2, [OBJECT_PX]), items)
    held = np.flatnonzero(judged.any(axis=(1, 2)))
    assert list(held) == list(range(held[0], held[-1] + 1))
    assert not teaching[held[-1] + 1 : held[-1] + 9].any()
    assert teaching[held[-1] + 9 :].all()


@pytest.mark.parametrize(
    ("axes", "scale", "margin"),
    [("zyx", 1.0, 8), ("zyx", 4.0, 2), ("tyx", 1.0, 1), ("pyx", 1.0, 0)],
)
def test_where_the_unit_is_unknown_the_margin_in_depth_follows_the_scale(
    axes: str, scale: float, margin: int
) -> None:
    scan = Scan(np.zeros((48, 30, 30), np.float32), axes, (scale, 1.0, 1.0)[-2 - ("z" in axes) :])
    items = [TrainItem(scan, item((48, 30, 30)).labels)]
    (teaching,), (judged,) = masks(hold_out(items, 2, [OBJECT_PX]), items)
    held = np.flatnonzero(judged.any(axis=(1, 2)))
    teaches = np.flatnonzero(teaching.any(axis=(1, 2)))
    assert teaches[teaches > held[-1]][0] - held[-1] == margin + 1


def test_a_stack_too_thin_for_that_margin_is_judged_by_corners_or_not_at_all() -> None:
    wide = [item((6, 128, 128), axes="zyx")]
    narrow = [item((6, 30, 30), axes="zyx")]
    (teaching,), (judged,) = masks(hold_out(wide, 2, [OBJECT_PX]), wide)
    assert judged.any(axis=(1, 2)).all()
    assert teaching.any(axis=(1, 2)).all()
    assert hold_out(narrow, 2, [OBJECT_PX]).judged.sampling_units == 0


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("count", [2, 3])
def test_what_is_judged_teaches_through_no_other_labels_of_the_same_scan(
    copied: bool, count: int
) -> None:
    image = noise(160, 160)
    images = [image.copy() if copied else image for _ in range(count)] + [
        noise(160, 160, seed=n + 1) for n in range(3)
    ]
    items = [TrainItem(scan_of(each), item((160, 160)).labels) for each in images]
    for turn in range(6):
        held = hold_out(items, 2, [OBJECT_PX + 12 * (n == 1) for n in range(len(items))], turn)
        teaching, judged = masks(held, items)
        assert any(mask.any() for mask in judged)
        assert sum(mask.any() for mask in judged[:count]) <= 1  # and it is judged once
        alike = np.any(judged[:count], axis=0)
        for mask in teaching[:count]:
            assert (
                not (alike.any() and mask.any()) or distance_transform_edt(~mask)[alike].min() > 20
            )


def test_scans_are_told_apart_by_their_content() -> None:
    one = noise(40, 50)
    other = noise(40, 50, seed=1)
    blank = np.zeros((40, 50), np.float32)
    images = [
        one,
        other,
        one[:, :-1],
        one.copy(),
        one.astype(np.float64),
        blank,
        blank.copy(),
        blank,
    ]
    assert scan_numbers(
        [TrainItem(scan_of(each), np.zeros(each.shape, np.uint8)) for each in images]
    ) == [0, 1, 2, 0, 4, 5, 6, 5]


def test_thin_slices_need_a_deep_margin_and_then_corners_are_held_out() -> None:
    scan = scan_of(np.zeros((5, 128, 128), np.float32), "zyx", (0.25, 1.0, 1.0))
    items = [TrainItem(scan, item((5, 128, 128)).labels)]
    (teaching,), (judged,) = masks(hold_out(items, 2, [OBJECT_PX]), items)
    assert judged.any(axis=(1, 2)).all()
    assert teaching.any(axis=(1, 2)).all()
    assert (judged == judged[0]).all()


def test_only_what_was_reviewed_judges_and_only_what_is_trusted_teaches() -> None:
    trust = np.zeros((128, 200), np.uint8)
    trust[:, :128] = 2
    trust[:, 150:180] = 1
    items = [item((128, 200), trust)]
    for turn in range(4):
        (teaching,), (judged,) = masks(hold_out(items, 2, [OBJECT_PX], turn), items)
        assert judged.any()
        assert (trust[judged] == 2).all()
        assert (trust[teaching] > 0).all()


def test_strokes_never_judge() -> None:
    trust = np.zeros((128, 128), np.uint8)
    trust[10:100, 10:100] = 1
    items = [item((128, 128), trust)]
    held = hold_out(items, 2, [OBJECT_PX])
    assert held.judged.sampling_units == 0
    assert np.array_equal(teaching_voxels(held, 0, items[0]), trust > 0)


@pytest.mark.parametrize("shape", [(20, 20), (20, 400)])
def test_what_is_too_small_to_share_is_all_taught_or_cut_along_its_length(
    shape: tuple[int, int],
) -> None:
    items = [item(shape)]
    held = hold_out(items, 2, [OBJECT_PX])
    (teaching,), (judged,) = masks(held, items)
    assert bool(judged.any()) == (shape[1] == 400)
    assert teaching.mean() >= 0.5


def test_a_class_that_is_in_one_place_only_is_left_to_teach() -> None:
    items = [item((128, 128))]
    items[0].labels[5:9, 5:9] = 2
    for turn in range(4):
        teaching, _ = masks(hold_out(items, 2, [OBJECT_PX], turn), items)
        assert (items[0].labels[teaching[0]] == 2).any()


def test_units_are_the_largest_of_which_there_are_enough() -> None:
    objects = hold_out([item((128, 128))], 2, [OBJECT_PX]).judged
    assert (objects.unit_kind, objects.sampling_units >= FEWEST_UNITS) == ("objects", True)
    blocks = hold_out([item((256, 256))], 2, [OBJECT_PX]).judged
    assert (blocks.unit_kind, blocks.sampling_units) == ("blocks", 25)
    images = hold_out([item((24, 24)) for _ in range(30)], 2, [OBJECT_PX] * 30).judged
    assert (images.unit_kind, images.sampling_units >= FEWEST_UNITS) == ("images", True)


def test_what_is_judged_is_bounded_and_stays_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [item((256, 256))]
    wide = hold_out(items, 2, [OBJECT_PX])
    monkeypatch.setattr(sampling_units, "JUDGED_VOXELS", 64 * 64)
    narrow = hold_out(items, 2, [OBJECT_PX])
    assert wide.excluded == narrow.excluded
    assert sum(region.unit_numbers.size for region in narrow.judged.regions) <= 64 * 64
    assert not (masks(narrow, items)[1][0] & ~masks(wide, items)[1][0]).any()


def test_of_a_volume_a_corner_is_held_out_with_a_margin_in_its_own_spacing() -> None:
    scan = scan_of(np.zeros((24, 120, 120), np.float32), "zyx", (4.0, 1.0, 1.0))
    items = [TrainItem(scan, item((24, 120, 120)).labels)]
    (teaching,), (judged,) = masks(hold_out(items, 3, [OBJECT_PX]), items)
    assert distance_transform_edt(~teaching, sampling=(4, 1, 1))[judged].min() > 16
    assert teaching.mean() >= 0.5


def test_where_only_a_score_is_wanted_less_is_held_out() -> None:
    few = [item((160, 160)) for _ in range(5)]
    many = [item((40, 40)) for _ in range(20)]
    teaching, judged = masks(hold_out(few, 2, [OBJECT_PX] * 5, rule=SCORING), few)
    assert all(mask.any() for mask in judged)
    assert np.mean(teaching) > 0.85
    teaching, judged = masks(hold_out(many, 2, [OBJECT_PX] * 20, rule=SCORING), many)
    assert sum(mask.all() for mask in judged) == 2
