import numpy as np
import pytest

from helpers.items import square_item as item
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.setup.fingerprint import dimensions_for, fingerprint_of


@pytest.mark.parametrize(
    ("items", "expected", "why"),
    [
        ([item(64, 64)], 2, "no|not every image"),
        ([item(20, 32, 32), item(32, 32)], 2, "not every image"),
        ([item(5, 32, 32)], 2, "5 slices"),
        ([item(20, 32, 32, spacing=(6, 1, 1))], 2, "6 times as deep"),
        ([item(20, 32, 32, trusted=4)], 2, "20% of the slices"),
        ([item(20, 32, 32, trusted=15)], 3, "volumes"),
        ([item(20, 32, 32, spacing=(3, 1, 1))], 3, "volumes"),
        ([item(2, 20, 32, 32, axes="tzyx", trusted=1)], 3, "volumes"),
    ],
)
def test_slices_and_volumes_are_told_apart(items: list[TrainItem], expected: int, why: str) -> None:
    dimensions, reason = dimensions_for(items)
    assert dimensions == expected
    assert any(part in reason for part in why.split("|"))


def test_the_grid_is_the_middle_of_the_scans() -> None:
    items = [item(40, 60, spacing=(size, size), px=12) for size in (0.5, 1.0, 4.0)]
    found = fingerprint_of(items)
    assert found.spacing_um == (1.0, 1.0)
    assert found.shape == (40, 60)
    assert found.object_px[1] == pytest.approx(12 * 2 / np.pi**0.5, rel=0.02)
    unknown = fingerprint_of([*items, item(40, 60)])
    assert unknown.spacing_um is None
