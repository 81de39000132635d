"""Which of two models is better on held-out reviewed regions, or that this can not be told.

Both are scored on the same voxels by the labels a user would get, right and wrong of both counted:
Dice per class, pooled over the units. Chance is drawn over units (blocks, slices, objects), paired,
since both models see the same ones: 98 % intervals of the difference by bootstrap percentiles,
widened for few units (Hesterberg, The American Statistician 69:371, 2015).

The child wins where all of this holds: - there are at least 8 units; - the interval of its mean
Dice over the foreground classes minus the parent's lies above zero (by chance: 1 of 100),
  and that of its agreement beyond chance (Cohen's kappa) too: where a parent finds too little, Dice
  grows with whatever more is found, right or wrong;
- the gain is at least a twentieth of what the worse of the two gets wrong (1 - Dice), so that a
drift
  which many voxels make certain, but nobody would see, is no reason to change models;
- no class, background included, is worse for certain: that counts what a model finds where nothing
is. The same in reverse, and the parent wins; all else is a tie, and the parent stays. So up to here
the rule does not know which of the two is new, and a child that learnt nonsense has to be lucky in
every unit alike.

Lucky it may be where the parent finds next to nothing, so one thing more is asked of a child that
would win: that it gained on what it was taught too, by half of what it gained on what was held out,
or knows it about as well, as after a round on the same labels; all beyond chance. Labels that are
shifted or contradict each other can not be learnt; what gets better without them got better by
luck.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr, stdtrit

from napari_unet.learn.judging.confusion import Counts, dice, dice_of, kappa, kappa_of
from napari_unet.learn.judging.sampling_units import FEWEST_UNITS

Score = Callable[[np.ndarray, Counts], np.ndarray]
Kind = Literal["child", "parent", "tie", "not judged"]
CERTAINTY = 0.98
RESAMPLES = 10_000
RESAMPLES_OF_MANY = 2_000  # of more than a hundred units, whose tails lie closer
SEED = 20150518
LEAST_GAIN = 0.05
TAUGHT_SHARE = 0.5  # of the gain on held-out voxels that a child has to show on those that taught
KNOWN_SHARE = (
    0.9  # of its agreement on held-out voxels, from which on it is said to know what it was taught
)
FEWEST_TAUGHT = 50  # voxels of a class
NOT_LEARNT = " It did not learn the labels that it was given, so that what it gained is luck: they may be shifted, or contradict each other."
NOTHING_HELD_OUT = "Not judged: nothing that you marked as right could be held out. The new model is kept beside the old one."


@dataclass(frozen=True)
class ClassVerdict:
    """Dice of both models for one class, and the interval of child minus parent; None where it is
    not known.
    """

    name: str
    parent: float | None
    child: float
    low: float | None = None
    high: float | None = None
    kind: Kind = "not judged"


@dataclass(frozen=True)
class Verdict:
    """Which model is better, in a sentence and in numbers; `mean` is over the foreground classes
    that occur.
    """

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


def judge(
    child: Counts,
    parent: Counts | None,
    names: Sequence[str],
    unit_kind: str,
    taught: tuple[Counts, Counts] | None = None,
) -> Verdict:
    """Compare the two by the rule above; without a parent the child's own scores are told and
    nothing is judged.

    `taught` is what child and parent make of the voxels that taught.
    """
    units = int((child.truth.sum(axis=1) > 0).sum())
    present = np.flatnonzero(child.truth.sum(axis=0))
    if not units:
        return unjudged(NOTHING_HELD_OUT)
    foreground = present[present > 0] if (present > 0).any() else present
    groups = [("mean", foreground), *((names[int(n)], np.array([n])) for n in present)]
    rows = [_row(name, child, parent, group) for name, group in groups]
    mean = rows[0]
    classes = tuple(rows[1:])
    if len(present) > 1:  # of one class alone there is no chance
        mean = _beyond_chance(mean, child, parent, foreground)
    kind = _kind(mean, classes)
    if (
        kind == "child"
        and parent is not None
        and taught is not None
        and not _learnt((child, parent), taught, foreground)
    ):
        sentence = _sentence("tie", mean, classes, units, unit_kind) + NOT_LEARNT
        return Verdict("tie", sentence, units, unit_kind, mean, classes)
    return Verdict(
        kind, _sentence(kind, mean, classes, units, unit_kind), units, unit_kind, mean, classes
    )


def unjudged(reason: str) -> Verdict:
    """A verdict that there is none."""
    return Verdict("not judged", reason)


def with_changes(verdict: Verdict, corrected: float | None, changed: float | None) -> Verdict:
    """The verdict with the shares of corrected voxels now right and of untouched voxels changed,
    told in its sentence.
    """
    told = []
    if corrected is not None:
        told.append(f"Of the voxels that you corrected, {corrected:.0%} are now right.")
    if changed is not None:
        told.append(f"Of the voxels that you did not touch, {changed:.1%} changed.")
    sentence = " ".join([verdict.sentence, *told])
    return replace(
        verdict, sentence=sentence, corrected_now_right=corrected, untouched_changed=changed
    )


def _row(name: str, child: Counts, parent: Counts | None, group: np.ndarray) -> ClassVerdict:
    """Mean Dice over a group of classes, of both, with the interval where there are enough units."""
    own = float(dice_of(child)[group].mean())
    if parent is None:
        return ClassVerdict(name, None, own)
    old = float(dice_of(parent)[group].mean())
    there = child.truth.sum(axis=1) > 0
    if there.sum() < FEWEST_UNITS:
        return ClassVerdict(name, old, own)
    low, high = _interval(_kept(child, there), _kept(parent, there), group, dice)
    return ClassVerdict(name, old, own, low, high, _side(low, high))


def _beyond_chance(
    mean: ClassVerdict, child: Counts, parent: Counts | None, group: np.ndarray
) -> ClassVerdict:
    """The mean, certain only where agreement beyond chance is certain of the same."""
    if parent is None or mean.low is None:
        return mean
    there = child.truth.sum(axis=1) > 0
    side = _side(*_interval(_kept(child, there), _kept(parent, there), group, kappa))
    return mean if side == mean.kind else replace(mean, kind="tie")


def _learnt(held: tuple[Counts, Counts], taught: tuple[Counts, Counts], group: np.ndarray) -> bool:
    """Whether a child gained on what it was taught too, or knows it about as well as what was held
    out.

    Where what was taught is too little to tell, it is believed.
    """
    (child, parent), (child_taught, parent_taught) = (
        [kappa_of(counts)[group] for counts in both] for both in (held, taught)
    )
    known = ~np.isnan(child - parent) & ~np.isnan(child_taught - parent_taught)
    known &= taught[0].truth.sum(axis=0)[group] >= FEWEST_TAUGHT
    if not known.any():
        return True
    gain = float((child - parent)[known].mean())
    gain_taught = float((child_taught - parent_taught)[known].mean())
    return gain_taught >= TAUGHT_SHARE * gain or float(
        child_taught[known].mean()
    ) >= KNOWN_SHARE * float(child[known].mean())


def _side(low: float, high: float) -> Kind:
    return "child" if low > 0 else "parent" if high < 0 else "tie"


def _kept(counts: Counts, there: np.ndarray) -> Counts:
    return Counts(counts.right[there], counts.found[there], counts.truth[there])


def _interval(
    child: Counts, parent: Counts, group: np.ndarray, score: Score
) -> tuple[float, float]:
    """Where nearly all differences of a score, child minus parent, lie, over resamples of the
    units.
    """
    units = len(child.truth)
    resamples = RESAMPLES if units <= 100 else RESAMPLES_OF_MANY
    drawn = (
        np.random.default_rng(SEED)
        .multinomial(units, np.full(units, 1 / units), resamples)
        .astype(float)
    )
    difference = (score(drawn, child) - score(drawn, parent))[:, group]
    mean = np.where(np.isnan(difference), 0.0, difference).mean(axis=1)
    tail = _tail(units)
    low, high = np.quantile(mean, [tail, 1 - tail])
    return float(low), float(high)


def _tail(units: int) -> float:
    """The share cut off at each end: that of Student's t with the small-sample factor, as a normal
    tail.
    """
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


def _sentence(
    kind: Kind, mean: ClassVerdict, classes: Sequence[ClassVerdict], units: int, unit_kind: str
) -> str:
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
