"""An engine whose speed is measured, window by window, and its memory by the first; both are kept
for later plans and estimates.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from napari_unet.model.config import UNetConfig
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.fallback import PROCESSOR
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.peak_memory import PeakMemory
from napari_unet.segment.engine.protocol import Engine, WrappedEngine
from napari_unet.segment.engine.speed_cache import LARGE, Measured, Weighed, keep_paces, size_of

# the first windows of a card are measured before it has computed any: how long they take is seen
# from the third on
ON_THE_WAY = 2


class TimedEngine(WrappedEngine):
    """Another engine, and how long its windows take, with what is done from one to the next:
    reading, resampling, writing.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._ended: float | None = None
        self._runs = 0
        self._seen: dict[tuple[Kind, str, int], list[float]] = {}
        self._weighed: dict[tuple[Kind, str], Weighed] = {}

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window)."""
        begun, self._ended = self._ended, None  # a window that fails has no end
        begun = time.monotonic() if begun is None else begun
        probabilities = self._weigh(window, control)
        self._ended = time.monotonic()
        voxels = math.prod(window.shape[1:])
        self._runs += 1
        if self.device == PROCESSOR or self._runs > ON_THE_WAY:
            self._seen.setdefault((self.kind, self.device, size_of(voxels)), []).append(
                (self._ended - begun) / voxels
            )
        return probabilities

    def _weigh(self, window: torch.Tensor, control: GetControl) -> torch.Tensor:
        """Run a window; an engine's first large one tells what a window takes, since later ones
        find its memory taken already.
        """
        setup = (self.kind, self.device)
        voxels = math.prod(window.shape[1:])
        if setup in self._weighed or size_of(voxels) < LARGE:
            return self._running.run(window, control)
        peak = PeakMemory(self.device)
        probabilities = self._running.run(window, control)
        if setup == (
            self.kind,
            self.device,
        ):  # else another engine has taken over, and both have left their marks
            self._weighed[setup] = Weighed(self.kind, size_of(voxels), (peak.risen() or 0) / voxels)
        return probabilities

    def fix(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance; their time counts as that of the
        next window.
        """
        self._running.fix(windows, control)

    def give_way(self) -> bool:
        """Let another engine run, if the engine has one."""
        return self._running.give_way()

    def measured(self) -> list[Measured]:
        """The speeds so far: medians, since some windows wait for the user or for the statistics of
        a frame.
        """
        return [Measured(*setup, median(seconds)) for setup, seconds in self._seen.items()]

    def weighed(self) -> list[Weighed]:
        """What the first large windows took, where it was to be seen."""
        return [found for found in self._weighed.values() if found.voxel_bytes]


@contextmanager
def timed(engine: Engine, config: UNetConfig, fresh: bool = False) -> Iterator[TimedEngine]:
    """The engine for one run, however that ends: what was measured is kept. `fresh` is a process
    that computed nothing before.
    """
    watched = TimedEngine(engine)
    try:
        yield watched
    finally:
        keep_paces(config, watched.measured(), watched.weighed(), fresh)
