"""Whether a model has learnt anything of the labels that it was given, so that one that knows
nothing is never offered.

The measure is balanced accuracy on its training regions: the mean, over the classes that occur
there, of the share of their voxels that the model finds. Every constant label has 1/classes of it,
and so have guesses, however rare a class is; accuracy and Dice would praise a model that calls all
of an image background, or all of it cells.
"""

from collections.abc import Sequence

import numpy as np

from napari_unet.learn.judging.confusion import Confusion

LEAST_LEARNT = (
    0.1  # of the way from a constant label (0) to what is perfect (1); guesses stay below
)


def beyond_constant(training: Confusion) -> float | None:
    """Balanced accuracy on training regions, from 0 (a constant label) to 1 (all is right); None
    where they hold fewer than two classes, which a constant label tells apart as well.
    """
    shares = found_shares(training)
    present = ~np.isnan(shares)
    classes = int(present.sum())
    if classes < 2:
        return None
    return float((shares[present].mean() - 1 / classes) / (1 - 1 / classes))


def found_shares(training: Confusion) -> np.ndarray:
    """The share of each class's voxels that a model finds; NaN for classes that do not occur."""
    right = training.right.sum(axis=0)
    truth = training.truth.sum(axis=0)
    shares: np.ndarray = np.where(truth > 0, right / np.maximum(truth, 1), np.nan)
    return shares


def not_learnt(training: Confusion, names: Sequence[str]) -> str:
    """What a model that is no better than a constant label misses, in a sentence, and what to do;
    empty where it has learnt.
    """
    learnt = beyond_constant(training)
    if learnt is None or learnt >= LEAST_LEARNT:
        return ""
    worst = int(np.nanargmin(found_shares(training)))
    right = int(training.right[:, worst].sum())
    truth = int(training.truth[:, worst].sum())
    return (
        f"The new model has not learnt what you marked: of {truth:,} voxels that you marked as "
        f"{names[worst]}, it finds {right:,}. Train longer, or mark more of {names[worst]}."
    )
