"""How many threads a training computes with: all, or one, by the time of its own steps.

Beside another busy program, threads that wait for each other at each convolution take ten times as
long as one thread alone. So a few steps are taken with each, the faster stays, and where steps grow
slow it is looked at again. The results of one and of several threads may differ in their last bits;
so each change is recorded with its step, and a training that is repeated changes at the same steps.
"""

from statistics import median
from typing import Any

from napari_unet.learn.settings import TrainSettings
from napari_unet.model.torch_import import torch

FIRST_TRIAL = 4  # steps before it, which are slower: caches fill, threads start
TRIED = 3  # steps with each number of threads
RECENT = 8  # steps that show whether they have grown slow
SLOWER = 1.5  # times as slow as when the number was chosen
LEAST_APART = 24  # steps between two trials


class Threads:
    """Sets torch's number of threads before each step, and restores it at the end.

    Where the number of steps is given, nothing is measured: threads change where the settings say
    so, and else are all.
    """

    def __init__(self, settings: TrainSettings, device: str) -> None:
        given = settings.threads or ()
        self._most = torch.get_num_threads()
        # from which step on, how many threads
        self._changes = list(zip(given[::2], given[1::2], strict=True)) or [(0, self._most)]
        measured = settings.steps is None and settings.threads is None
        self._measures = measured and device == "cpu" and self._most > 1
        self._trial_at = FIRST_TRIAL + TRIED
        self._times: list[float] = []
        self._usual_s = 0.0
        self._step = 0
        self._ends_trial = False

    def restore(self) -> None:
        """Set the number of threads that there was before."""
        torch.set_num_threads(self._most)

    def set_for(self, step: int) -> None:
        """Set the number of threads of the next step, which is the one of that number."""
        self._step = step
        if self._ends_trial:
            self._change(step, self._number(self._changes[-1][0] - 1))
            self._ends_trial = False
        wanted = self._number(step)
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def count(self, seconds: float) -> None:
        """Take note of how long that step took, and decide about the next."""
        if not self._measures:
            return
        self._times.append(seconds)
        done = self._step + 1
        slow = done > self._trial_at + LEAST_APART and self._slow()
        if slow:
            self._trial_at = done
        if done == self._trial_at:
            self._change(done, self._other())
        elif done == self._trial_at + TRIED:
            self._decide(done)

    def replay(self) -> dict[str, Any]:
        """The settings with which a training changes its threads at the same steps."""
        changed = self._changes != [(0, self._most)]
        numbers = tuple(number for change in self._changes for number in change)
        return {"threads": numbers if changed else None}

    def state(self) -> dict[str, Any]:
        """From which step on there were how many threads, and whether the last is a trial."""
        tries = self._measures and self._trial_at <= self._step + 1 < self._trial_at + TRIED
        return {"changes": self._changes, "tries": tries}

    def set_state(self, state: dict[str, Any]) -> None:
        """Resume as it was, without measuring any more; a trial that was not over has no say."""
        self._changes = [(int(step), int(number)) for step, number in state["changes"]]
        self._ends_trial = bool(state["tries"])
        self._measures = False

    def _number(self, step: int) -> int:
        return [number for begin, number in self._changes if begin <= step][-1]

    def _other(self) -> int:
        return 1 if self._number(self._step) > 1 else self._most

    def _decide(self, done: int) -> None:
        """Keep the number of threads that was tried last, or go back to the one before."""
        before = median(self._times[-2 * TRIED : -TRIED])
        tried = median(self._times[-TRIED:])
        if tried >= before:
            self._change(done, self._other())
        self._usual_s = min(tried, before)

    def _slow(self) -> bool:
        return median(self._times[-RECENT:]) > SLOWER * self._usual_s

    def _change(self, done: int, number: int) -> None:
        self._changes.append((done, number))
