"""What holds for every pair of labels."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.surfaces import surface_distances
from napari_unet.measure.evaluate import MEASURES, evaluate
from napari_unet.measure.metrics import overlap
from napari_unet.measure.surface import surface

Pair = tuple[np.ndarray, np.ndarray]
Sizes = tuple[float, ...]

SHAPES = arrays.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)
SPACINGS = st.tuples(*[st.floats(0.1, 5)] * 3)


@st.composite
def pairs(draw: Callable[..., np.ndarray], most: int = 2) -> Pair:
    labels = arrays.arrays(
        np.uint8, draw(st.shared(SHAPES, key="shape")), elements=st.integers(0, most)
    )  # type: ignore[call-overload]
    return draw(labels), draw(labels)


def scores(
    prediction: np.ndarray, truth: np.ndarray, spacing: Sizes
) -> dict[str, dict[str, float]]:
    found = evaluate(prediction, truth, spacing=spacing[: truth.ndim])
    return {key: found[key] for key in MEASURES}


@given(pairs(), SPACINGS)
def test_to_exchange_both_exchanges_precision_and_recall_and_nothing_else(
    pair: Pair, spacing: Sizes
) -> None:
    there = scores(*pair, spacing)
    back = scores(*pair[::-1], spacing)
    back["precision"], back["recall"] = back["recall"], back["precision"]
    for key in MEASURES:
        assert there[key] == pytest.approx(back[key])


@given(pairs(), SPACINGS)
def test_labels_agree_with_themselves_and_with_no_others(pair: Pair, spacing: Sizes) -> None:
    own = scores(pair[0], pair[0], spacing)
    assert all(value == 1 for key in MEASURES[:4] for value in own[key].values())
    assert all(value == 0 for key in MEASURES[4:] for value in own[key].values())
    assert (scores(*pair, spacing)["dice"]["mean"] == 1) == np.array_equal(*pair)


@given(
    pairs(),
    SPACINGS,
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=3),
)
def test_where_the_labels_lie_does_not_matter(
    pair: Pair, spacing: Sizes, margins: list[tuple[int, int]]
) -> None:
    wide = [np.pad(labels, margins[: labels.ndim]) for labels in pair]
    for label in (1, 2):
        assert overlap(pair[0], pair[1], label) == overlap(wide[0], wide[1], label)
        if all((labels == label).any() for labels in pair):
            sizes = spacing[: pair[0].ndim]
            there = surface_distances(*pair, label, sizes).percentile()
            assert there == pytest.approx(surface_distances(*wide, label, sizes).percentile())


@given(pairs(), SPACINGS, st.floats(0.1, 10))
def test_distances_grow_with_the_spacing(pair: Pair, spacing: Sizes, factor: float) -> None:
    small = scores(*pair, spacing)
    large = scores(*pair, tuple(factor * size for size in spacing))
    for key in MEASURES[4:]:
        assert large[key] == pytest.approx(
            {name: factor * value for name, value in small[key].items()}
        )


@given(pairs())
def test_dice_and_iou_tell_the_same(pair: Pair) -> None:
    counted = overlap(*pair)
    assert counted.dice == pytest.approx(2 * counted.iou / (1 + counted.iou))
    assert (
        min(counted.precision, counted.recall)
        <= counted.dice + 1e-12
        <= max(counted.precision, counted.recall) + 2e-12
    )


@given(pairs(most=1), SPACINGS)
def test_distances_are_those_of_all_pairs_of_surface_voxels(pair: Pair, spacing: Sizes) -> None:
    points = [np.argwhere(surface(labels == 1)) * spacing[: labels.ndim] for labels in pair]
    if not all(len(found) for found in points):
        return
    every = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
    there = surface_distances(*pair, spacing=spacing[: pair[0].ndim])
    np.testing.assert_allclose(there.from_prediction, every.min(1), rtol=1e-12)
    np.testing.assert_allclose(there.from_truth, every.min(0), rtol=1e-12)


@given(pairs(), SPACINGS)
def test_no_distance_reaches_that_of_a_missing_class(pair: Pair, spacing: Sizes) -> None:
    sizes = spacing[: pair[0].ndim]
    farthest = np.linalg.norm(np.multiply(pair[0].shape, sizes))
    missing = [not (labels == 1).any() for labels in pair]
    found = surface_distances(*pair, 1, sizes).percentile()
    if missing[0] != missing[1]:
        assert found == pytest.approx(farthest)
    else:
        assert found < farthest
