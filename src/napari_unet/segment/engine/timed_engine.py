"""An engine that is measured while it runs: seconds per voxel by every window, memory by the first
large one. Both are saved for later plans and estimates.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from napari_unet.model.config import UNetConfig
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.kinds import PROCESSOR, Kind, size_of
from napari_unet.segment.engine.peak_memory import PeakMemory
from napari_unet.segment.engine.protocol import Engine, WrappedEngine
from napari_unet.segment.engine.speed_cache import (
    LARGE,
    MeasuredMemory,
    MeasuredSpeed,
    save_measurements,
)

# a card returns from its first windows at once, before it has computed them; only from the third
# on does the time from one window to the next show how long they take
UNTIMED_ON_CARD = 2


class TimedEngine(WrappedEngine):
    """Another engine, and how long its windows take, including what happens between two of them:
    reading, resampling, writing.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._last_end: float | None = None
        self._runs = 0
        self._seconds: dict[tuple[Kind, str, int], list[float]] = {}
        self._memory: dict[tuple[Kind, str], MeasuredMemory] = {}

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window)."""
        begun = time.monotonic() if self._last_end is None else self._last_end
        self._last_end = None  # stays so where the window fails
        probabilities = self._run_weighed(window, control)
        self._last_end = time.monotonic()
        self._runs += 1
        if self.device == PROCESSOR or self._runs > UNTIMED_ON_CARD:
            voxels = math.prod(window.shape[1:])
            key = (self.kind, self.device, size_of(voxels))
            self._seconds.setdefault(key, []).append((self._last_end - begun) / voxels)
        return probabilities

    def _run_weighed(self, window: torch.Tensor, control: GetControl) -> torch.Tensor:
        """Run a window, and measure memory by an engine's first large one: later ones find that
        memory taken already.
        """
        setup = (self.kind, self.device)
        voxels = math.prod(window.shape[1:])
        if setup in self._memory or size_of(voxels) < LARGE:
            return self._running.run(window, control)
        peak = PeakMemory(self.device)
        probabilities = self._running.run(window, control)
        if setup == (self.kind, self.device):  # else a fallback ran, and the peak is that of both
            voxel_bytes = (peak.risen() or 0) / voxels
            self._memory[setup] = MeasuredMemory(self.kind, size_of(voxels), voxel_bytes)
        return probabilities

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance; their time counts as that of the
        next window.
        """
        self._running.fix_statistics(windows, control)

    def fall_back(self) -> bool:
        """Let another engine run, if the engine has one."""
        return self._running.fall_back()

    def speeds(self) -> list[MeasuredSpeed]:
        """The speeds so far: medians, since some windows wait for the user or for the statistics of
        a frame.
        """
        return [MeasuredSpeed(*key, median(seconds)) for key, seconds in self._seconds.items()]

    def memory(self) -> list[MeasuredMemory]:
        """What the first large windows took, where that could be seen."""
        return [found for found in self._memory.values() if found.voxel_bytes]


@contextmanager
def timed(engine: Engine, config: UNetConfig, fresh: bool = False) -> Iterator[TimedEngine]:
    """The engine for one run, whose measurements are saved however the run ends. `fresh` is a
    process that computed nothing before.
    """
    watched = TimedEngine(engine)
    try:
        yield watched
    finally:
        save_measurements(config, watched.speeds(), watched.memory(), fresh)
