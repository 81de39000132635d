"""How often a model is right, found and there, per unit and class; and the scores that come of it."""

from dataclasses import dataclass

import numpy as np

from napari_unet.learn.judging.sampling_units import NOWHERE


@dataclass(frozen=True)
class Counts:
    """Voxels per unit and class (units, classes): where model and truth agree, what was found, and
    what is there.
    """

    right: np.ndarray
    found: np.ndarray
    truth: np.ndarray

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.right + other.right, self.found + other.found, self.truth + other.truth)

    @classmethod
    def none(cls, units: int, classes: int) -> "Counts":
        """Nothing counted yet."""
        return cls(*(np.zeros((units, classes), np.int64) for _ in range(3)))


def count(
    labels: np.ndarray, truth: np.ndarray, units: np.ndarray, shape: tuple[int, int]
) -> Counts:
    """Count labels against the truth, per unit (-1: not judged) and class; `shape` is (units,
    classes).
    """
    judged = units != NOWHERE
    unit = units[judged].astype(np.int64)
    one = labels[judged]
    other = truth[judged]
    right = one == other
    return Counts(
        _table(unit[right], other[right], shape),
        _table(unit, one, shape),
        _table(unit, other, shape),
    )


def _table(unit: np.ndarray, labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    flat = unit * shape[1] + np.minimum(labels, shape[1] - 1)
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)


def dice_of(counts: Counts) -> np.ndarray:
    """Dice per class over all units; NaN for classes that are not there."""
    scores: np.ndarray = dice(np.ones((1, len(counts.truth))), counts)[0]
    return scores


def kappa_of(counts: Counts) -> np.ndarray:
    """Cohen's kappa per class over all units, each class against the rest; NaN where there is
    nothing to tell apart.
    """
    scores: np.ndarray = kappa(np.ones((1, len(counts.truth))), counts)[0]
    return scores


def dice(drawn: np.ndarray, counts: Counts) -> np.ndarray:
    """Dice of (resamples, classes), pooled over the units drawn; NaN where a class is not among the
    truth.
    """
    right, found, truth = (drawn @ part for part in (counts.right, counts.found, counts.truth))
    score: np.ndarray = np.where(truth > 0, 2 * right / np.maximum(found + truth, 1), np.nan)
    return score


def kappa(drawn: np.ndarray, counts: Counts) -> np.ndarray:
    """Cohen's kappa of (resamples, classes), each class against the rest; NaN where neither model
    nor truth tells it from the rest.
    """
    right, found, truth = (drawn @ part for part in (counts.right, counts.found, counts.truth))
    expected = found * truth / np.maximum(truth.sum(axis=1, keepdims=True), 1)
    room = (found + truth) / 2 - expected
    score: np.ndarray = np.where(room > 0, (right - expected) / np.where(room > 0, room, 1), np.nan)
    return score
