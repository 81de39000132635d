import numpy as np
import pytest

from napari_unet.errors import ScanError
from napari_unet.measure.metrics import (
    BLOCK,
    Overlap,
    confusion,
    overlap,
    overlap_of,
)

TRUTH = np.array([0, 1, 1, 2])
CLOSE = np.array([0, 1, 0, 2])


def test_dice_of_known_overlaps() -> None:
    assert overlap(TRUTH, TRUTH).dice == 1
    assert overlap(1 - TRUTH.clip(max=1), TRUTH).dice == 0
    assert overlap(CLOSE, TRUTH).dice == pytest.approx(2 / 3)
    assert overlap(CLOSE, TRUTH, label=2).dice == 1


def test_other_measures_of_known_overlaps() -> None:
    found = overlap(CLOSE, TRUTH)
    assert (found.iou, found.precision, found.recall) == (0.5, 1, 0.5)
    back = overlap(TRUTH, CLOSE)
    assert (back.precision, back.recall) == (0.5, 1)


@pytest.mark.parametrize("measure", ["dice", "iou", "precision", "recall"])
def test_a_class_that_is_missing(measure: str) -> None:
    assert getattr(overlap(TRUTH, TRUTH, 7), measure) == 1, "neither has it"
    assert getattr(overlap(TRUTH, np.zeros(4, int)), measure) == 0
    assert getattr(overlap(np.zeros(4, int), TRUTH), measure) == 0


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ScanError, match="Compare labels of one grid"):
        overlap(TRUTH, TRUTH[:1])


def test_counting_all_classes_at_once_is_counting_each() -> None:
    rng = np.random.default_rng(0)
    found, wanted = (rng.integers(0, 256, BLOCK + 1000, np.uint8) for _ in range(2))
    matrix = confusion(found, wanted)
    assert matrix.sum() == found.size
    assert [overlap_of(matrix, label) for label in (0, 1, 255)] == [
        overlap(found, wanted, label) for label in (0, 1, 255)
    ]
    assert overlap_of(confusion(found[:0], wanted[:0]), 1) == Overlap(0, 0, 0)
