"""Whether other programs keep the processor so busy that one thread computes faster than all."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from napari_unet.model.torch_import import torch

LOOK_S = 0.008  # with each number of threads: longer than systems let a program run in one go
REMEMBERED_S = 5.0
SHORT = 0.1  # of both, for a run that takes hardly longer than a look
CLEARLY = 1.15  # times as fast, for one thread to be taken
FEATURES = 16
SIDE_PX = 128  # large enough to be worth many threads


class Crowding:
    """Looks by some convolutions, and remembers for some seconds what it saw."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seen: tuple[float, int, bool] | None = None  # until when, of how many, and what
        self._warm = False

    def __call__(self, most: int, short: bool = False) -> bool:
        """Whether one thread is faster now than `most`; before a `short` run the look is short too,
        and not believed for long.
        """
        if self._seen is None or self._seen[1] != most or self._clock() > self._seen[0]:
            least_s = LOOK_S * (SHORT if short else 1.0)
            crowded = self._one_is_faster(most, least_s)
            believed_s = REMEMBERED_S * (SHORT if short and not crowded else 1.0)
            self._seen = (self._clock() + believed_s, most, crowded)
        return self._seen[2]

    def _one_is_faster(self, most: int, least_s: float) -> bool:
        if not self._warm:  # the first convolution of a process is slower
            self._rate(1, 0.0)
            self._warm = True
        return self._rate(1, least_s) > CLEARLY * self._rate(most, least_s)

    def _rate(self, threads: int, least_s: float) -> float:
        """Convolutions in a second, of at least one."""
        image = torch.ones(1, FEATURES, SIDE_PX, SIDE_PX)
        weight = torch.ones(FEATURES, FEATURES, 3, 3)
        done = 0
        with torch.inference_mode(), threads_set(threads):
            begun = self._clock()
            while (spent := self._clock() - begun) < least_s or not done:
                torch.nn.functional.conv2d(image, weight, padding=1)
                done += 1
        return done / max(spent, 1e-9)


@contextmanager
def threads_set(number: int | None) -> Iterator[None]:
    """Let torch compute with so many threads, and with as many as before at the end; None changes
    nothing.
    """
    before = torch.get_num_threads()
    if number is None or number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
