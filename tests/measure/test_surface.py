from collections.abc import Callable

import numpy as np
import pytest

from helpers.surfaces import surface_distances
from napari_unet.measure.surface import SurfaceDistances, surface


def square(start: int, side: int = 4, size: int = 24) -> np.ndarray:
    labels = np.zeros((size, size), np.uint8)
    labels[start : start + side, start : start + side] = 1
    return labels


def test_the_surface_is_what_has_a_face_neighbour_outside() -> None:
    assert surface(square(3) == 1).sum() == 12, "a square of 4 without its inner 2 × 2"
    assert surface(np.ones((5, 5), bool)).sum() == 16, "beyond the image is outside"


def test_distances_of_two_points_are_in_the_unit_of_the_spacing() -> None:
    one, other = np.zeros((2, 5, 9), np.uint8)[:, None]
    one[0, 1, 1] = other[0, 4, 5] = 1
    found = surface_distances(one, other)
    assert found.percentile() == found.average() == pytest.approx(5)
    far = surface_distances(one, other, spacing=(7, 2, 0.5))
    assert far.percentile() == pytest.approx(np.hypot(6, 2))


def test_each_direction_has_its_own_percentile() -> None:
    near, far = np.zeros((2, 3, 400), np.uint8)
    near[1, :100] = far[1, :100] = 1
    far[1, 100:106] = 1  # 6 of 106 voxels of one surface, none of the other's 100
    there = surface_distances(near, far)
    assert there.from_prediction.max() == 0
    assert (
        there.percentile()
        == surface_distances(far, near).percentile()
        == pytest.approx(np.percentile([*[0] * 100, 1, 2, 3, 4, 5, 6], 95))
    )
    assert there.average() == pytest.approx(21 / 206)


def test_a_few_stray_voxels_do_not_make_the_distance() -> None:
    stray = square(3, 12)
    stray[23, 23] = 1
    found = surface_distances(square(3, 12), stray)
    assert found.percentile() == 0
    assert found.percentile(100) == pytest.approx(np.hypot(9, 9))


@pytest.mark.parametrize("measure", [SurfaceDistances.percentile, SurfaceDistances.average])
def test_a_class_that_is_missing(measure: Callable[[SurfaceDistances], float]) -> None:
    nothing = np.zeros((24, 24), np.uint8)
    assert measure(surface_distances(nothing, nothing)) == 0, "they agree"
    assert measure(surface_distances(square(3), square(3), 7)) == 0
    for pair in ((nothing, square(3)), (square(3), nothing)):
        found = surface_distances(*pair, spacing=(3, 4))
        assert measure(found) == pytest.approx(24 * 5), "the diagonal"


def test_missing_is_worse_than_any_distance() -> None:
    one = square(0, 1)
    other = square(23, 1)
    missing = surface_distances(one, np.zeros_like(one))
    assert surface_distances(one, other).percentile() < missing.percentile()
