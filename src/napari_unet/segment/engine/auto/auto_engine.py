"""The engine that measurements have chosen, which measures itself as it runs."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from napari_unet.errors import EngineError, NotEnoughMemoryError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import round_up, total_strides
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.auto.crowding import threads_set
from napari_unet.segment.engine.auto.decision import (
    Decision,
    decide,
    total_seconds,
    trial_voxels,
)
from napari_unet.segment.engine.auto.figures import Figures
from napari_unet.segment.engine.auto.runners import TITLES, Runner, Workload, runner_of
from napari_unet.segment.engine.auto.threads import ThreadChoice
from napari_unet.segment.engine.protocol import Engine, WrappedEngine
from napari_unet.words import plural

Makers = Mapping[Runner, Callable[[], Engine]]
Clock = Callable[[], float]
TRIAL_ROUNDS = 2  # the first window of an engine is slower than all others


class AutoEngine(WrappedEngine):
    """Runs windows with as many threads as are fast at that moment, and notes how fast they were.

    The runner stays the same for the whole run, since its results differ from another's by more
    than tiles may differ from the whole image; the number of threads changes the last bits alone.
    """

    def __init__(
        self,
        engine: Engine,
        figures: Figures,
        threads: ThreadChoice,
        others: tuple[Runner, ...] = (),
        clock: Clock = time.perf_counter,
    ) -> None:
        """`others` are the runners that this one was chosen from."""
        super().__init__(engine)
        self._figures = figures
        self._threads = threads
        self._others = others
        self._clock = clock
        self._voxels = 0
        self._last: tuple[int, float] | None = None  # threads and seconds of the last window

    @property
    def reason(self) -> str:
        """Which runner and threads, and why, in one sentence; empty before the first window."""
        runner = runner_of(self.name)
        if self._last is None or runner is None:
            return ""
        threads, seconds = self._last
        mine = f"{TITLES[runner]}, {plural(threads, 'thread')}: {_seconds(seconds)} a window"
        known = [each for each in self._others if each != runner and self._of(each) is not None]
        if not known:
            return f"{mine}, measured just now; nothing else is measured here yet."
        best = min(known, key=lambda each: self._of(each) or math.inf)
        theirs = _seconds((self._of(best) or 0.0) * self._voxels)
        when = self._figures.measured(best)
        return f"{mine} against {theirs} by {TITLES[best]}, measured {when}."

    @property
    def threads(self) -> int | None:
        """As many as the next window will be computed with."""
        return self._threads.next()

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window)."""
        before = self.name
        prepared = self.preparing_s
        threads = self._threads.next()
        begun = self._clock()
        with threads_set(threads):
            probabilities = self._running.run(window, control)
        ready_s = self.preparing_s - prepared
        seconds = self._clock() - begun - ready_s
        if before == self.name:  # else another engine took over in this window
            self._note(math.prod(window.shape[1:]), threads, seconds)
        return probabilities

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance."""
        self._running.fix_statistics(windows, control)

    def fall_back(self) -> bool:
        """Let another engine run, if the engine has one."""
        return self._running.fall_back()

    def _note(self, voxels: int, threads: int, seconds: float) -> None:
        if voxels < self._voxels:  # the small tile that comes first, where the user looks
            return
        self._voxels = voxels
        self._last = (threads, seconds)
        self._threads.count(seconds / voxels)
        runner = runner_of(self.name)
        if runner is not None and self._figures.of_this_kind(voxels):
            self._figures.take(runner, threads, seconds / voxels)

    def _of(self, runner: Runner) -> float | None:
        return self._figures.best(runner, self._threads.options)


def choose_runner(
    makers: Makers, config: UNetConfig, figures: Figures, work: Workload, threads: Sequence[int]
) -> Runner:
    """The runner that will be done first; measured now where that pays.

    Of the numbers of threads, the first is the fastest at this moment. Runners are compared by what
    they do with it, and on a busy machine, where that is not known, by what they do with all.
    """
    now = threads[0]
    most = max(threads)
    runners = tuple(makers)
    found = decide(runners, figures, work, now)
    if found.to_try:
        _try(found, makers, config, figures, work, now)
        return _first_done(runners, figures, work, now)
    unknown = any(figures.voxel_seconds(each, now) is None for each in runners)
    if now < most and unknown and not found.tries:
        return _first_done(runners, figures, work, most)
    return found.runner


def _first_done(
    runners: Sequence[Runner], figures: Figures, work: Workload, threads: int
) -> Runner:
    """The runner that will be done first, of those that are known; the first, where none is."""
    return min(runners, key=lambda each: total_seconds(each, figures, work, threads))


def made(
    make: Callable[[], Engine], runner: Runner, figures: Figures, clock: Clock = time.perf_counter
) -> Engine:
    """An engine, whose time to be made is noted."""
    begun = clock()
    engine = make()
    figures.take_setup(runner, clock() - begun)
    return engine


def _try(
    found: Decision,
    makers: Makers,
    config: UNetConfig,
    figures: Figures,
    work: Workload,
    threads: int,
) -> None:
    """Measure runners on a part of a window; what can not run it is left out."""
    window = _window(config, work, trial_voxels(work, len(found.to_try)))
    for runner in found.to_try:
        try:
            engine = made(makers[runner], runner, figures)
            if runner_of(engine.name) != runner:  # another one has taken its place
                continue
            if config.norm == "instance":
                engine.fix_statistics(window[None])
            _measure(engine, window, runner, figures, threads)
        except (EngineError, NotEnoughMemoryError):
            continue


def _measure(
    engine: Engine, window: torch.Tensor, runner: Runner, figures: Figures, threads: int
) -> None:
    voxels = math.prod(window.shape[1:])
    for _ in range(TRIAL_ROUNDS):
        prepared = engine.preparing_s
        begun = time.perf_counter()
        with threads_set(threads):
            engine.run(window)
        ready_s = engine.preparing_s - prepared
        figures.take(runner, threads, (time.perf_counter() - begun - ready_s) / voxels)


def _window(config: UNetConfig, work: Workload, voxels: int) -> torch.Tensor:
    """Noise in the shape of a window, smaller by equal shares along all sides; how long a network
    takes does not depend on what it sees.
    """
    share = min(1.0, voxels / work.voxels) ** (1 / len(work.window))
    sides = [
        min(side, round_up(max(1, int(side * share)), step))
        for side, step in zip(work.window, total_strides(config), strict=True)
    ]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(config.in_channels, *sides, generator=generator)


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"
