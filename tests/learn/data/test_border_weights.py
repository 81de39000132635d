import numpy as np
import pytest

from napari_unet.learn.data.border_weights import border_weights, with_border_weights
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.settings import TrainSettings

PAPER = TrainSettings(border_weight=10, border_sigma_px=5)


def test_border_weights_are_those_of_the_paper() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 10:28] = 1
    labels[10:30, 32:50] = 1
    weights = border_weights(labels, PAPER)
    assert weights[20, 29] == pytest.approx(1 + 10 * np.exp(-((2 + 3) ** 2) / 50), rel=1e-5)
    assert weights[20, 29] > weights[5, 29] > weights[0, 0]
    assert (weights[labels == 1] == 1).all()
    assert weights[0, 0] < 1.01


def test_one_object_has_no_border_and_touching_classes_are_two() -> None:
    labels = np.zeros((30, 30), np.uint8)
    labels[5:15, 5:25] = 1
    assert (border_weights(labels, PAPER) == 1).all()
    labels[15:25, 5:25] = 2
    assert border_weights(labels, PAPER)[15, 4] > 5


def test_border_weights_are_only_made_where_asked_for_and_missing() -> None:
    example = Example(np.zeros((1, 8, 8), np.float32), np.full((8, 8), IGNORE, np.uint8))
    assert with_border_weights([example], TrainSettings())[0] is example
    made = with_border_weights([example], PAPER)[0].weight
    assert made is not None
    assert (made == 1).all()
