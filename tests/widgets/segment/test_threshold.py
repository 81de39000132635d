from collections.abc import Callable

import numpy as np
import pytest

from helpers.tiny import tiny_spec
from napari_unet.segment.tasks.registry import task_of
from napari_unet.widgets.segment import threshold as rethreshold
from napari_unet.widgets.segment.threshold import Rethreshold


@pytest.fixture
def result() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, prediction and probabilities of a result, the labels decided before the probabilities
    were rounded.
    """
    exact = np.random.default_rng(0).random((3, 40, 30)).astype(np.float32)
    labels = (exact >= 0.5).astype(np.uint8)
    return labels, labels.copy(), exact.astype(np.float16)


def redecided(probabilities: np.ndarray) -> Callable[..., np.ndarray]:
    return lambda piece, threshold: task_of(tiny_spec()).redecide(probabilities[piece], threshold)


def move(qtbot, mover: Rethreshold, threshold: float, first=()) -> None:
    mover.start(threshold, first)
    qtbot.waitUntil(lambda: not mover._timer.isActive())


@pytest.mark.parametrize("voxels", [2**20, 100])
def test_labels_follow_the_threshold(qtbot, result, monkeypatch, voxels):
    monkeypatch.setattr(rethreshold, "PIECE_VOXELS", voxels)
    labels, prediction, probabilities = result
    mover = Rethreshold(labels, prediction, redecided(probabilities), lambda: None)
    for threshold in (0.8, 0.3):
        move(qtbot, mover, threshold)
        np.testing.assert_array_equal(labels, probabilities >= threshold)


def test_what_only_rounding_lifts_to_the_threshold_was_not_painted(qtbot):
    exact = np.full((4, 5), 0.49999, np.float32)
    labels = (exact >= 0.5).astype(np.uint8)
    assert (exact.astype(np.float16) >= 0.5).all()
    mover = Rethreshold(labels, labels.copy(), redecided(exact.astype(np.float16)), lambda: None)
    for threshold, label in [(0.3, 1), (0.8, 0), (0.3, 1)]:
        move(qtbot, mover, threshold)
        assert (labels == label).all()


def test_what_is_trusted_stays(qtbot, result):
    labels, prediction, probabilities = result
    trust = np.zeros(labels.shape, np.uint8)
    before = labels.copy()
    trust[1] = 1
    move(
        qtbot,
        Rethreshold(labels, prediction, redecided(probabilities), lambda: None, lambda: trust),
        0.8,
    )
    np.testing.assert_array_equal(labels[1], before[1])
    np.testing.assert_array_equal(labels[[0, 2]], probabilities[[0, 2]] >= 0.8)
    np.testing.assert_array_equal(labels, prediction)


def test_what_is_shown_comes_first(qtbot, result, monkeypatch):
    monkeypatch.setattr(rethreshold, "PIECE_VOXELS", 1200)
    labels, prediction, probabilities = result
    seen = []
    mover = Rethreshold(
        labels,
        prediction,
        redecided(probabilities),
        lambda: seen.append([bool((part == want).all()) for part, want in wanted()]),
    )

    def wanted():
        return zip(labels, (probabilities >= 0.9).astype(np.uint8), strict=True)

    move(qtbot, mover, 0.9, (1, 0, 0))
    assert seen[0] == [False, True, False]


def test_what_the_user_painted_stays(qtbot, result):
    labels, prediction, probabilities = result
    painted = labels[0, :5, :5] = 1 - labels[0, :5, :5]
    move(qtbot, Rethreshold(labels, prediction, redecided(probabilities), lambda: None), 0.8)
    np.testing.assert_array_equal(labels[0, :5, :5], painted)


def test_a_newer_threshold_overtakes(qtbot, result, monkeypatch):
    monkeypatch.setattr(rethreshold, "PIECE_VOXELS", 100)
    labels, prediction, probabilities = result
    mover = Rethreshold(labels, prediction, redecided(probabilities), lambda: None)
    mover.start(0.8)
    mover._on_timer_timeout()
    move(qtbot, mover, 0.3)
    np.testing.assert_array_equal(labels, probabilities >= 0.3)
