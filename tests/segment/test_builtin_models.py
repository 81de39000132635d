"""Each built-in model does its work on the sample that is drawn for it."""

import numpy as np
import pytest

from napari_unet.model.library import load_model
from napari_unet.scans.samples.samples import SAMPLES
from napari_unet.segment.run import segment

FLOOR = 0.80


@pytest.mark.parametrize("name", SAMPLES)
def test_dice_on_the_sample(name: str) -> None:
    sample = SAMPLES[name]()
    model = load_model(sample.model)
    assert tuple(label.name for label in model.spec.classes) == sample.classes
    labels = segment(sample.scan, model)
    scores = [
        dice(labels == label, sample.truth == label) for label in range(1, len(sample.classes))
    ]
    assert min(scores) >= FLOOR, scores


def dice(found: np.ndarray, true: np.ndarray) -> float:
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))
