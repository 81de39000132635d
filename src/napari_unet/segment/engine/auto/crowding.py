"""Whether other programs keep the processor so busy that one thread computes faster than all."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from napari_unet.model.torch_import import torch

LOOK_S = 0.008  # with each number of threads: longer than systems let a program run in one go
REMEMBERED_S = 5.0
CLEARLY = 1.15  # times as fast, for one thread to be taken
FEATURES = 16
SIDE_PX = 128  # large enough to be worth many threads


class Crowding:
    """Looks by some convolutions, and remembers for some seconds what it saw."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seen: tuple[float, int, bool] | None = None

    def __call__(self, most: int) -> bool:
        """Whether one thread is faster now than `most`."""
        if self._seen is None or self._seen[1] != most or self._old(self._seen[0]):
            self._rate(1, 0.0)  # the first convolution is slower
            one_is_faster = self._rate(1) > CLEARLY * self._rate(most)
            self._seen = (self._clock(), most, one_is_faster)
        return self._seen[2]

    def _old(self, since: float) -> bool:
        return self._clock() - since > REMEMBERED_S

    def _rate(self, threads: int, least_s: float = LOOK_S) -> float:
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
