"""How often a model's labels are right, per sampling unit and class; and the scores that follow
from it.
"""

from dataclasses import dataclass

import numpy as np

from napari_unet.learn.judging.sampling_units import NOT_JUDGED


@dataclass(frozen=True)
class Confusion:
    """Voxels per sampling unit and class (units, classes): where model and truth agree (`right`),
    what the model found, and what the truth holds.
    """

    right: np.ndarray
    found: np.ndarray
    truth: np.ndarray

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(
            self.right + other.right, self.found + other.found, self.truth + other.truth
        )

    @classmethod
    def none(cls, units: int, classes: int) -> "Confusion":
        """Nothing counted yet."""
        return cls(*(np.zeros((units, classes), np.int64) for _ in range(3)))

    def of_units(self, chosen: np.ndarray) -> "Confusion":
        """The same of some units, chosen by a mask (units,)."""
        return Confusion(self.right[chosen], self.found[chosen], self.truth[chosen])


def confusion_of(
    labels: np.ndarray, truth: np.ndarray, unit_numbers: np.ndarray, shape: tuple[int, int]
) -> Confusion:
    """Compare labels with the truth, per sampling unit (-1: not judged) and class; `shape` is
    (units, classes).
    """
    judged = unit_numbers != NOT_JUDGED
    unit = unit_numbers[judged].astype(np.int64)
    found = labels[judged]
    wanted = truth[judged]
    right = found == wanted
    return Confusion(
        _table(unit[right], wanted[right], shape),
        _table(unit, found, shape),
        _table(unit, wanted, shape),
    )


def _table(unit: np.ndarray, labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How many voxels there are of each unit and label, counted in one pass."""
    cell = unit * shape[1] + np.minimum(labels, shape[1] - 1)
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def dice_per_class(confusion: Confusion) -> np.ndarray:
    """Dice per class over all units; NaN for classes that are not there."""
    scores: np.ndarray = pooled_dice(_all_units(confusion), confusion)[0]
    return scores


def kappa_per_class(confusion: Confusion) -> np.ndarray:
    """Cohen's kappa per class over all units, each class against the rest; NaN where there is
    nothing to tell apart.
    """
    scores: np.ndarray = pooled_kappa(_all_units(confusion), confusion)[0]
    return scores


def pooled_dice(drawn: np.ndarray, confusion: Confusion) -> np.ndarray:
    """Dice (resamples, classes), pooled over units of which each was `drawn` (resamples, units) so
    many times; NaN where a class is not among the truth.
    """
    right, found, truth = _pooled(drawn, confusion)
    score: np.ndarray = np.where(truth > 0, 2 * right / np.maximum(found + truth, 1), np.nan)
    return score


def pooled_kappa(drawn: np.ndarray, confusion: Confusion) -> np.ndarray:
    """Cohen's kappa of the same, each class against the rest; NaN where neither model nor truth
    tells it from the rest.
    """
    right, found, truth = _pooled(drawn, confusion)
    by_chance = found * truth / np.maximum(truth.sum(axis=1, keepdims=True), 1)
    room = (found + truth) / 2 - by_chance
    score: np.ndarray = np.where(
        room > 0, (right - by_chance) / np.where(room > 0, room, 1), np.nan
    )
    return score


def _pooled(drawn: np.ndarray, confusion: Confusion) -> list[np.ndarray]:
    return [drawn @ part for part in (confusion.right, confusion.found, confusion.truth)]


def _all_units(confusion: Confusion) -> np.ndarray:
    """A single draw in which each unit occurs once."""
    return np.ones((1, len(confusion.truth)))
