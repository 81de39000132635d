"""Which of two models is better on held-out reviewed regions, or that this is not known.

Both are scored on the same voxels by the labels a user would get, right and wrong of both counted:
Dice per class, pooled over the sampling units. Chance is drawn over units (blocks, slices,
objects), paired, since both models see the same ones: 98 % intervals of the difference by bootstrap
percentiles, widened for few units (Hesterberg, The American Statistician 69:371, 2015).

The child wins where all of this holds:

- There are at least 8 units.
- The interval of its mean Dice over the foreground classes minus the parent's lies above zero (by
  chance: 1 of 100), and that of its agreement beyond chance (Cohen's kappa) too: where a parent
  finds too little, Dice grows with whatever more is found, right or wrong.
- The gain is at least a twentieth of what the worse of the two gets wrong (1 - Dice), so that a
  drift which many voxels make certain, but nobody would see, is no reason to change models.
- No class, background included, is worse for certain: so what a model finds where nothing is
  stands against it.

The same in reverse, and the parent wins; all else is a tie, and the parent stays. So up to here the
rule does not know which of the two is new, and a child that learnt nonsense has to be lucky in
every unit alike.

Lucky it may be where the parent finds next to nothing, so one thing more is required of a child
that would win: that it gained on its training regions too, by half of what it gained on what was
held out, or knows them about as well, as after a round on the same labels; all beyond chance.
Labels that are shifted or contradict each other can not be learnt; what gets better without them
got better by luck.

A child that is no better on its training regions than a constant label never wins and is never
called not judged: it has not learnt (`learn/judging/learnt.py`). Only where the training regions
have too few voxels of a class to say so does a certain win on what was held out stand.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from napari_unet.learn.judging.chance import interval
from napari_unet.learn.judging.confusion import (
    Confusion,
    dice_per_class,
    kappa_per_class,
    pooled_dice,
    pooled_kappa,
)
from napari_unet.learn.judging.learnt import not_learnt
from napari_unet.learn.judging.sampling_units import FEWEST_UNITS

VerdictKind = Literal["child", "parent", "tie", "not judged", "not learnt"]
LEAST_GAIN = 0.05
TRAINING_SHARE = 0.5  # of the held-out gain that a child has to show on its training regions
# of its held-out agreement, from which on a child is said to know its training regions
KNOWN_SHARE = 0.9
FEWEST_TRAINING_VOXELS = 50  # of a class
NOT_LEARNT = (
    " It did not learn the labels that it was given, so that what it gained is luck: "
    "they may be shifted, or contradict each other."
)
NOTHING_HELD_OUT = (
    "Not judged: nothing that you marked as right could be held out. "
    "The new model is kept beside the old one."
)


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
    kind: VerdictKind = "not judged"


@dataclass(frozen=True)
class Verdict:
    """Which model is better, in a sentence and in numbers; `mean` is over the foreground classes
    that occur.
    """

    kind: VerdictKind
    sentence: str
    sampling_units: int = 0
    unit_kind: str = ""
    mean: ClassVerdict | None = None
    classes: tuple[ClassVerdict, ...] = ()
    corrected_now_right: float | None = None
    untouched_changed: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain values, by the keys of `docs/json.md`."""
        values = {**asdict(self), "classes": [asdict(each) for each in self.classes]}
        values["units"] = values.pop("sampling_units")
        return values


def judge(
    child: Confusion,
    parent: Confusion | None,
    names: Sequence[str],
    unit_kind: str,
    training: tuple[Confusion, Confusion | None] | None = None,
) -> Verdict:
    """Compare the two by the rule above; without a parent the child's own scores are given and
    nothing is judged.

    `training` is the confusion of child and parent on the child's training regions.
    """
    verdict = _compared(child, parent, names, unit_kind, training)
    unlearnt = "" if training is None else not_learnt(training[0], names)
    if not unlearnt or (verdict.kind == "child" and _few_voxels(training)):
        return verdict
    if verdict.kind == "parent":  # worse for certain, and this is why
        return replace(verdict, sentence=f"{verdict.sentence} {unlearnt}")
    return replace(verdict, kind="not learnt", sentence=unlearnt)


def _compared(
    child: Confusion,
    parent: Confusion | None,
    names: Sequence[str],
    unit_kind: str,
    training: tuple[Confusion, Confusion | None] | None,
) -> Verdict:
    """The verdict on a child that is believed to have learnt."""
    units = int((child.truth.sum(axis=1) > 0).sum())
    present = np.flatnonzero(child.truth.sum(axis=0))
    if not units:
        return unjudged(NOTHING_HELD_OUT)
    foreground = present[present > 0] if (present > 0).any() else present
    mean = _row("mean", child, parent, foreground)
    classes = tuple(_row(names[int(n)], child, parent, np.array([n])) for n in present)
    if len(present) > 1:  # of one class alone there is no chance
        mean = _beyond_chance(mean, child, parent, foreground)
    kind = _kind(mean, classes)
    lucky = kind == "child" and _lucky((child, parent), training, foreground)
    kind = "tie" if lucky else kind
    sentence = _sentence(kind, mean, classes, units, unit_kind)
    if lucky:
        sentence += NOT_LEARNT
    return Verdict(kind, sentence, units, unit_kind, mean, classes)


def unjudged(reason: str) -> Verdict:
    """A verdict that there is none."""
    return Verdict("not judged", reason)


def with_changes(verdict: Verdict, corrected: float | None, changed: float | None) -> Verdict:
    """The verdict with the shares of corrected voxels now right and of untouched voxels changed,
    in numbers and in its sentence.
    """
    sentences = [verdict.sentence]
    if corrected is not None:
        sentences.append(f"Of the voxels that you corrected, {corrected:.0%} are now right.")
    if changed is not None:
        sentences.append(f"Of the voxels that you did not touch, {changed:.1%} changed.")
    return replace(
        verdict,
        sentence=" ".join(sentences),
        corrected_now_right=corrected,
        untouched_changed=changed,
    )


def _row(name: str, child: Confusion, parent: Confusion | None, group: np.ndarray) -> ClassVerdict:
    """Mean Dice of both over a group of classes, with an interval if there are enough units."""
    own = float(dice_per_class(child)[group].mean())
    if parent is None:
        return ClassVerdict(name, None, own)
    old = float(dice_per_class(parent)[group].mean())
    judged = child.truth.sum(axis=1) > 0
    if judged.sum() < FEWEST_UNITS:
        return ClassVerdict(name, old, own)
    low, high = interval(child.of_units(judged), parent.of_units(judged), group, pooled_dice)
    return ClassVerdict(name, old, own, low, high, _side(low, high))


def _beyond_chance(
    mean: ClassVerdict, child: Confusion, parent: Confusion | None, group: np.ndarray
) -> ClassVerdict:
    """The mean, certain only where agreement beyond chance is certain of the same."""
    if parent is None or mean.low is None:
        return mean
    judged = child.truth.sum(axis=1) > 0
    ends = interval(child.of_units(judged), parent.of_units(judged), group, pooled_kappa)
    return mean if _side(*ends) == mean.kind else replace(mean, kind="tie")


def _few_voxels(training: tuple[Confusion, Confusion | None] | None) -> bool:
    """Whether some class of the training regions has too few voxels to speak against a win."""
    if training is None:
        return True
    voxels = training[0].truth.sum(axis=0)
    return bool((voxels[voxels > 0] < FEWEST_TRAINING_VOXELS).any())


def _lucky(
    held: tuple[Confusion, Confusion | None],
    training: tuple[Confusion, Confusion | None] | None,
    group: np.ndarray,
) -> bool:
    """Whether a child neither gained on its training regions, nor knows them about as well as what
    was held out.

    Where these are too few to tell, it is believed.
    """
    if training is None or held[1] is None or training[1] is None:
        return False
    child = kappa_per_class(held[0])[group]
    parent = kappa_per_class(held[1])[group]
    child_training = kappa_per_class(training[0])[group]
    parent_training = kappa_per_class(training[1])[group]
    known = ~np.isnan(child - parent) & ~np.isnan(child_training - parent_training)
    known &= training[0].truth.sum(axis=0)[group] >= FEWEST_TRAINING_VOXELS
    if not known.any():
        return False
    gain = float((child - parent)[known].mean())
    training_gain = float((child_training - parent_training)[known].mean())
    if training_gain >= TRAINING_SHARE * gain:
        return False
    return float(child_training[known].mean()) < KNOWN_SHARE * float(child[known].mean())


def _side(low: float, high: float) -> VerdictKind:
    """Whom an interval of child minus parent speaks for."""
    if low > 0:
        return "child"
    return "parent" if high < 0 else "tie"


def _kind(mean: ClassVerdict, classes: Sequence[ClassVerdict]) -> VerdictKind:
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
    kind: VerdictKind,
    mean: ClassVerdict,
    classes: Sequence[ClassVerdict],
    units: int,
    unit_kind: str,
) -> str:
    where = f"on {units} held-out {unit_kind if units != 1 else unit_kind.removesuffix('s')}"
    if mean.parent is None:
        return (
            f"Not judged, since there is no earlier model: {where}, "
            f"the new model agrees with your labels by {mean.child:.2f} (Dice)."
        )
    scores = (
        f"{where}, it agrees with your labels by {mean.child:.2f} (Dice), "
        f"the old one by {mean.parent:.2f}"
    )
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
