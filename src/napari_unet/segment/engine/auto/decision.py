"""Which runner a run gets, from what is known of each. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from napari_unet.segment.engine.auto.runners import Runner, Workload

TRIAL_SHARE = 0.05  # the most that measuring may cost, as a share of a run
LEAST_OF_WINDOW = 0.25  # of a window's voxels: the least that shows how fast it is
# a run of fewer seconds than this is no place to try what may take as long only to get ready
TRIED_FROM_S = 0.4


class KnownSeconds(Protocol):
    """What is known of the runners of one network on this machine, as `Figures` has it."""

    def voxel_seconds(self, runner: Runner, threads: int) -> float | None:
        """Seconds per voxel of a window; None if not known."""

    def setup_seconds(self, runner: Runner) -> float:
        """Seconds to get ready for the first window; 0 if not known."""


@dataclass(frozen=True)
class Decision:
    """The runner of a run; first of all some have to be measured, where `to_try` is not empty. A
    run that `tries` is done by one that is not known yet.
    """

    runner: Runner
    to_try: tuple[Runner, ...] = ()
    tries: bool = False


def decide(
    runners: Sequence[Runner], figures: KnownSeconds, work: Workload, threads: int
) -> Decision:
    """The runner that will be done first, with so many threads, getting ready included.

    Where some are not known yet: a long run measures them on a part of it (`trial_voxels`); a
    shorter one is done by one of them from end to end, so that nothing is computed in vain and the
    next run knows; a very short one by the best known, or the first of all.
    """
    totals = {runner: total_seconds(runner, figures, work, threads) for runner in runners}
    unknown = tuple(runner for runner in runners if totals[runner] == inf)
    best = min(runners, key=lambda runner: totals[runner])  # the first, where none is known
    if unknown and trial_voxels(work, len(unknown)):
        return Decision(best, unknown)
    if unknown and TRIED_FROM_S <= totals[best] < inf:
        return Decision(unknown[0], tries=True)
    return Decision(best)


def total_seconds(runner: Runner, figures: KnownSeconds, work: Workload, threads: int) -> float:
    """Seconds until all windows are done; infinite if not known."""
    each = figures.voxel_seconds(runner, threads)
    if each is None:
        return inf
    return figures.setup_seconds(runner) + each * work.voxels * work.count


def trial_voxels(work: Workload, runners: int) -> int:
    """How many voxels a window for measuring so many runners has; 0 where that would cost too much
    of the run.
    """
    affordable = TRIAL_SHARE * work.voxels * work.count / max(1, runners)
    return int(min(affordable, work.voxels)) if affordable >= LEAST_OF_WINDOW * work.voxels else 0
