"""How many threads a run computes with: all, or one, by the time of its own windows. No torch.

Beside another busy program, threads that wait for each other at each convolution can take ten times
as long as one alone. How busy the machine is holds for a moment only, so nothing of this is saved:
each run starts with what a look of some milliseconds says, and compares its windows with the best
that is known; where they are slow, the other number is tried for a window, and the faster stays.
"""

from collections.abc import Callable, Sequence

SLOWER = 1.5  # times as slow as expected
LEAST_APART = 8  # windows between two trials
LOOK_AGAIN = 8  # windows with one thread, after which it is seen whether the machine is free again


def thread_options(most: int, crowded: Callable[[], bool]) -> Sequence[int]:
    """The numbers of threads that there are to choose from, the one that is fast now first."""
    if most == 1:
        return (1,)
    return (1, most) if crowded() else (most, 1)


class ThreadChoice:
    """Says with how many threads the next window is computed, and is told how long it took."""

    def __init__(
        self, most: int, crowded: Callable[[], bool], expected: Callable[[int], float | None]
    ) -> None:
        """`crowded` looks whether one thread is faster now than `most`; `expected` are the best
        known seconds of a voxel with a number of threads.
        """
        self._most = most
        self._crowded = crowded
        self._expected = expected
        self._number: int | None = None
        self._before: float | None = None  # seconds with the other number, while one is tried
        self._usual: float | None = None  # with the number that was found faster
        self._since = 0  # windows since the last trial or look

    @property
    def options(self) -> Sequence[int]:
        """The numbers of threads that there are to choose from."""
        return (self._most,) if self._most == 1 else (self._most, 1)

    def next(self) -> int:
        """With how many threads the next window is computed."""
        if self._number is None:
            self._number = self._looked()
        elif self._number == 1 < self._most and self._since >= LOOK_AGAIN and not self._trying:
            self._since = 0
            self._set(self._looked())
        return self._number

    def count(self, voxel_seconds: float) -> None:
        """Take note of how long the last window took, and decide about the next."""
        self._since += 1
        number = self._number or self._most
        if self._trying:
            self._end_trial(voxel_seconds)
        elif self._most > 1 and self._slow(number, voxel_seconds):
            self._before = voxel_seconds
            self._number = self._other(number)

    @property
    def _trying(self) -> bool:
        return self._before is not None

    def _looked(self) -> int:
        return 1 if self._most > 1 and self._crowded() else self._most

    def _set(self, number: int) -> None:
        if number != self._number:
            self._number = number
            self._usual = None

    def _end_trial(self, voxel_seconds: float) -> None:
        before = self._before or 0.0
        if voxel_seconds >= before:
            self._number = self._other(self._number or self._most)
        self._usual = min(before, voxel_seconds)
        self._before = None
        self._since = 0

    def _slow(self, number: int, voxel_seconds: float) -> bool:
        """Whether windows take longer than they should: than is known, or than since the trial."""
        if self._usual is not None:
            return self._since >= LEAST_APART and voxel_seconds > SLOWER * self._usual
        expected = self._expected(number)
        return expected is not None and voxel_seconds > SLOWER * expected

    def _other(self, number: int) -> int:
        return 1 if number > 1 else self._most
