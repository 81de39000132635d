import numpy as np
import pytest

from napari_unet.errors import ScanError
from napari_unet.measure.surface import average_surface_distance, hd95, surface, surface_distances


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
    assert hd95(one, other) == average_surface_distance(one, other) == pytest.approx(5)
    assert hd95(one, other, spacing=(7, 2, 0.5)) == pytest.approx(np.hypot(6, 2))


def test_each_direction_has_its_own_percentile() -> None:
    near, far = np.zeros((2, 3, 400), np.uint8)
    near[1, :100] = far[1, :100] = 1
    far[1, 100:106] = 1  # 6 of 106 voxels of one surface, none of the other's 100
    there = surface_distances(near, far)
    assert there.from_prediction.max() == 0
    assert (
        hd95(near, far)
        == hd95(far, near)
        == pytest.approx(np.percentile([*[0] * 100, 1, 2, 3, 4, 5, 6], 95))
    )
    assert average_surface_distance(near, far) == pytest.approx(21 / 206)


def test_a_few_stray_voxels_do_not_make_the_distance() -> None:
    stray = square(3, 12)
    stray[23, 23] = 1
    assert hd95(square(3, 12), stray) == 0
    assert surface_distances(square(3, 12), stray).percentile(100) == pytest.approx(np.hypot(9, 9))


@pytest.mark.parametrize("measure", [hd95, average_surface_distance])
def test_a_class_that_is_missing(measure: type) -> None:
    nothing = np.zeros((24, 24), np.uint8)
    assert measure(nothing, nothing) == 0, "they agree"
    assert measure(square(3), square(3), 7) == 0
    for pair in ((nothing, square(3)), (square(3), nothing)):
        assert measure(*pair, spacing=(3, 4)) == pytest.approx(24 * 5), "the diagonal"


def test_missing_is_worse_than_any_distance() -> None:
    one = square(0, 1)
    other = square(23, 1)
    assert hd95(one, other) < hd95(one, np.zeros_like(one))


def test_a_spacing_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ScanError, match="3 spacings were given for 2 axes"):
        hd95(square(3), square(4), spacing=(1, 1, 1))
    with pytest.raises(ScanError, match="one grid"):
        hd95(square(3), square(4, size=25))
