"""Which of two models is better on held-out reviewed regions, or that this can not be told.

Both are scored on the same voxels by the labels a user would get, right and wrong of both counted:
Dice per class, pooled over the units. Chance is drawn over units (blocks, slices, objects), paired, since
both models see the same ones: 98 % intervals of the difference by bootstrap percentiles, widened for
few units (Hesterberg, The American Statistician 69:371, 2015).

The child wins where all of this holds:
- there are at least 8 units;
- the interval of its mean Dice over the foreground classes minus the parent's lies above zero (by chance: 1 of 100),
  and that of its agreement beyond chance (Cohen's kappa) too: where a parent finds too little, Dice grows with whatever
  more is found, right or wrong;
- the gain is at least a twentieth of what the worse of the two gets wrong (1 - Dice), so that a drift
  which many voxels make certain, but nobody would see, is no reason to change models;
- no class, background included, is worse for certain: that counts what a model finds where nothing is.
The same in reverse, and the parent wins; all else is a tie, and the parent stays. So the rule does not
know which of the two is new, and a child that learnt nonsense has to be lucky in every unit alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr, stdtrit

from napari_unet.learn.units import FEWEST_UNITS, NOWHERE

Score = Callable[[np.ndarray, "Counts"], np.ndarray]
Kind = Literal["child", "parent", "tie", "not judged"]
CERTAINTY = 0.98
RESAMPLES = 10_000
RESAMPLES_OF_MANY = 2_000  # of more than a hundred units, whose tails lie closer
SEED = 20150518
LEAST_GAIN = 0.05
NOTHING_HELD_OUT = "Not judged: nothing that you marked as right could be held out. The new model is kept beside the old one."


@dataclass(frozen=True)
class ClassVerdict:
    """Dice of both models for one class, and the interval of child minus parent; None where it is not known."""

    name: str
    parent: float | None
    child: float
    low: float | None = None
    high: float | None = None
    kind: Kind = "not judged"


@dataclass(frozen=True)
class Verdict:
    """Which model is better, in a sentence and in numbers; `mean` is over the foreground classes that occur."""

    kind: Kind
    sentence: str
    units: int = 0
    unit_kind: str = ""
    mean: ClassVerdict | None = None
    classes: tuple[ClassVerdict, ...] = ()
    corrected_now_right: float | None = None
    untouched_changed: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {**asdict(self), "classes": [asdict(each) for each in self.classes]}


@dataclass(frozen=True)
class Counts:
    """Voxels per unit and class (units, classes): where model and truth agree, what was found, and what is there."""

    right: np.ndarray
    found: np.ndarray
    truth: np.ndarray

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.right + other.right, self.found + other.found, self.truth + other.truth)

    @classmethod
    def none(cls, units: int, classes: int) -> "Counts":
        """Nothing counted yet."""
        return cls(*(np.zeros((units, classes), np.int64) for _ in range(3)))


def count(labels: np.ndarray, truth: np.ndarray, units: np.ndarray, shape: tuple[int, int]) -> Counts:
    """Count labels against the truth, per unit (-1: not judged) and class; `shape` is (units, classes)."""
    judged = units != NOWHERE
    unit, one, other = units[judged].astype(np.int64), labels[judged], truth[judged]
    right = one == other
    return Counts(_table(unit[right], other[right], shape), _table(unit, one, shape), _table(unit, other, shape))


def _table(unit: np.ndarray, labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    flat = unit * shape[1] + np.minimum(labels, shape[1] - 1)
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)


def dice_of(counts: Counts) -> np.ndarray:
    """Dice per class over all units; NaN for classes that are not there."""
    scores: np.ndarray = _dice(np.ones((1, len(counts.truth))), counts)[0]
    return scores


def judge(child: Counts, parent: Counts | None, names: Sequence[str], unit_kind: str) -> Verdict:
    """Compare the two by the rule above; without a parent the child's own scores are told and nothing is judged."""
    units = int((child.truth.sum(axis=1) > 0).sum())
    present = np.flatnonzero(child.truth.sum(axis=0))
    if not units:
        return unjudged(NOTHING_HELD_OUT)
    foreground = present[present > 0] if (present > 0).any() else present
    groups = [("mean", foreground), *((names[int(n)], np.array([n])) for n in present)]
    rows = [_row(name, child, parent, group) for name, group in groups]
    mean, classes = rows[0], tuple(rows[1:])
    if len(present) > 1:  # of one class alone there is no chance
        mean = _beyond_chance(mean, child, parent, foreground)
    kind = _kind(mean, classes)
    return Verdict(kind, _sentence(kind, mean, classes, units, unit_kind), units, unit_kind, mean, classes)


def unjudged(reason: str) -> Verdict:
    """A verdict that there is none."""
    return Verdict("not judged", reason)


def with_changes(verdict: Verdict, corrected: float | None, changed: float | None) -> Verdict:
    """The verdict with the shares of corrected voxels now right and of untouched voxels changed, told in its sentence."""
    told = []
    if corrected is not None:
        told.append(f"Of the voxels that you corrected, {corrected:.0%} are now right.")
    if changed is not None:
        told.append(f"Of the voxels that you did not touch, {changed:.1%} changed.")
    sentence = " ".join([verdict.sentence, *told])
    return replace(verdict, sentence=sentence, corrected_now_right=corrected, untouched_changed=changed)


def _row(name: str, child: Counts, parent: Counts | None, group: np.ndarray) -> ClassVerdict:
    """Mean Dice over a group of classes, of both, with the interval where there are enough units."""
    own = float(dice_of(child)[group].mean())
    if parent is None:
        return ClassVerdict(name, None, own)
    old = float(dice_of(parent)[group].mean())
    there = child.truth.sum(axis=1) > 0
    if there.sum() < FEWEST_UNITS:
        return ClassVerdict(name, old, own)
    low, high = _interval(_kept(child, there), _kept(parent, there), group, _dice)
    return ClassVerdict(name, old, own, low, high, _side(low, high))


def _beyond_chance(mean: ClassVerdict, child: Counts, parent: Counts | None, group: np.ndarray) -> ClassVerdict:
    """The mean, certain only where agreement beyond chance is certain of the same."""
    if parent is None or mean.low is None:
        return mean
    there = child.truth.sum(axis=1) > 0
    side = _side(*_interval(_kept(child, there), _kept(parent, there), group, _kappa))
    return mean if side == mean.kind else replace(mean, kind="tie")


def _side(low: float, high: float) -> Kind:
    return "child" if low > 0 else "parent" if high < 0 else "tie"


def _kept(counts: Counts, there: np.ndarray) -> Counts:
    return Counts(counts.right[there], counts.found[there], counts.truth[there])


def _interval(child: Counts, parent: Counts, group: np.ndarray, score: Score) -> tuple[float, float]:
    """Where nearly all differences of a score, child minus parent, lie, over resamples of the units."""
    units = len(child.truth)
    resamples = RESAMPLES if units <= 100 else RESAMPLES_OF_MANY
    drawn = np.random.default_rng(SEED).multinomial(units, np.full(units, 1 / units), resamples).astype(float)
    difference = (score(drawn, child) - score(drawn, parent))[:, group]
    mean = np.where(np.isnan(difference), 0.0, difference).mean(axis=1)
    tail = _tail(units)
    low, high = np.quantile(mean, [tail, 1 - tail])
    return float(low), float(high)


def _dice(drawn: np.ndarray, counts: Counts) -> np.ndarray:
    """Dice of (resamples, classes), pooled over the units drawn; NaN where a class is not among the truth."""
    right, found, truth = (drawn @ part for part in (counts.right, counts.found, counts.truth))
    score: np.ndarray = np.where(truth > 0, 2 * right / np.maximum(found + truth, 1), np.nan)
    return score


def _kappa(drawn: np.ndarray, counts: Counts) -> np.ndarray:
    """Cohen's kappa of (resamples, classes), each class against the rest; NaN where neither model nor truth tells it from the rest."""
    right, found, truth = (drawn @ part for part in (counts.right, counts.found, counts.truth))
    expected = found * truth / np.maximum(truth.sum(axis=1, keepdims=True), 1)
    room = (found + truth) / 2 - expected
    score: np.ndarray = np.where(room > 0, (right - expected) / np.where(room > 0, room, 1), np.nan)
    return score


def _tail(units: int) -> float:
    """The share cut off at each end: that of Student's t with the small-sample factor, as a normal tail."""
    student = stdtrit(units - 1, (1 + CERTAINTY) / 2)
    return float(ndtr(-np.sqrt(units / (units - 1)) * student))


def _kind(mean: ClassVerdict, classes: Sequence[ClassVerdict]) -> Kind:
    if mean.low is None or mean.parent is None:
        return "not judged"
    least = LEAST_GAIN * (1 - min(mean.parent, mean.child))
    gain = mean.child - mean.parent
    sides = {each.kind for each in classes}
    if mean.kind == "child" and gain >= least and "parent" not in sides:
        return "child"
    if mean.kind == "parent" and -gain >= least and "child" not in sides:
        return "parent"
    return "tie"


def _sentence(kind: Kind, mean: ClassVerdict, classes: Sequence[ClassVerdict], units: int, unit_kind: str) -> str:
    where = f"on {units} held-out {unit_kind if units != 1 else unit_kind.removesuffix('s')}"
    if mean.parent is None:
        return f"Not judged, since there is no earlier model: {where}, the new model agrees with your labels by {mean.child:.2f} (Dice)."
    scores = f"{where}, it agrees with your labels by {mean.child:.2f} (Dice), the old one by {mean.parent:.2f}"
    if mean.low is None or mean.high is None:
        return (
            f"Too few to judge: {scores}; at least {FEWEST_UNITS} are needed. "
            "The new model is kept beside the old one; mark more as right, and train again."
        )
    sure = f"{scores}, a difference of {mean.low:+.2f} to {mean.high:+.2f}"
    if kind == "child":
        return f"The new model is better: {sure}."
    if kind == "parent":
        return f"The new model is worse: {sure}. The old one stays."
    mixed = [each.name for each in classes if each.kind not in ("tie", mean.kind)]
    why = f", and {', '.join(mixed)} went the other way" if mixed and mean.kind != "tie" else ""
    return f"No clear winner: for the new model, {sure}{why}. The old one stays."
