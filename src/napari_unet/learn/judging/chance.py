"""What of a difference between two models may be chance: a paired bootstrap over sampling units."""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, stdtrit

from napari_unet.learn.judging.confusion import Confusion

Score = Callable[[np.ndarray, Confusion], np.ndarray]
CERTAINTY = 0.98
RESAMPLES = 10_000
MANY_UNITS = 100  # with more than these the tails lie closer, and fewer resamples do
RESAMPLES_OF_MANY = 2_000
SEED = 20150518


def interval(
    child: Confusion, parent: Confusion, group: np.ndarray, score: Score
) -> tuple[float, float]:
    """Where nearly all differences of a score, child minus parent and mean over a group of classes,
    lie, over resamples of the sampling units.
    """
    units = len(child.truth)
    resamples = RESAMPLES if units <= MANY_UNITS else RESAMPLES_OF_MANY
    rng = np.random.default_rng(SEED)
    # how often each resample draws each unit: scores are of sums, so that is all they need
    drawn = rng.multinomial(units, np.full(units, 1 / units), resamples).astype(float)
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
