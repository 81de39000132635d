"""Seconds of the engine `auto` beside each engine with one and with all threads, on this processor:
quiet, and beside a process that keeps one core busy.

    # all cases, more than an hour on two cores; begun again, it continues
    python benchmarks/auto_engine.py --state auto-engine.json
    # 256 x 256, width 16, in a minute or two
    python benchmarks/auto_engine.py --quick

Weights are random: how long a network takes does not depend on them. The images are the built-in
samples, repeated. "auto, cold" begins with an empty cache in every round; "auto, warm" has had
runs before, with which it got to know the engines. The ways take turns, round by round.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import store

import napari_unet as nu
from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.config import UNetConfig
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model
from napari_unet.scans.samples.samples import nuclei_2d, nuclei_3d
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.auto.crowding import Crowding
from napari_unet.segment.engine.kinds import openvino_version

SHAPES = ((256, 256), (1024, 1024), (2048, 2048), (128, 128, 128))
WIDTHS = (16, 32)
POOLINGS = {2: 4, 3: 3}
LEARNT_BY = 6  # runs of auto before it is "warm": each tries one engine
AIM = 1.05  # times as long as the best

Way = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """An image's shape, a network's width, and whether another process keeps a core busy."""

    shape: tuple[int, ...]
    width: int
    busy: bool

    @property
    def name(self) -> str:
        """As it stands in the table."""
        sides = " x ".join(map(str, self.shape))
        return f"{sides}, width {self.width}, {'one core busy' if self.busy else 'quiet'}"


def main() -> None:
    """Measure the cases that are missing, and save the row."""
    options = _options()
    shapes, widths = (SHAPES[:1], WIDTHS[:1]) if options.quick else (SHAPES, WIDTHS)
    state = _read(options.state)
    for case in (Case(s, w, busy) for s in shapes for w in widths for busy in (False, True)):
        if case.name not in state:
            state[case.name] = figures_of(measured(case, options.rounds))
            print(case.name, json.dumps(state[case.name]), flush=True)
            if options.state is not None:
                options.state.write_text(json.dumps(state, indent=1))
    worst = max(figures["auto, warm / best"] for figures in state.values())
    within = sum(figures["auto, warm / best"] <= AIM for figures in state.values())
    store.save(
        "auto-engine-quick" if options.quick else "auto-engine",
        f"python benchmarks/auto_engine.py {'--quick' if options.quick else '--state FILE'}",
        {"cases within 5 % of the best": f"{within} of {len(state)}", "worst": worst, **state},
    )


def measured(case: Case, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round."""
    model = model_of(case)
    image = image_of(case.shape)
    seconds = dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as warm, beside(case.busy):
        for _ in range(LEARNT_BY):
            by_auto(image, model, warm)
        ways = ways_of(image, model, warm)
        for way in ways.values():  # what is done only once in a process
            way()
        for _ in range(rounds):
            for name, way in ways.items():
                begun = time.perf_counter()
                way()
                seconds.setdefault(name, []).append(time.perf_counter() - begun)
    return seconds


def ways_of(image: np.ndarray, model: Model, warm: str) -> Mapping[str, Way]:
    """Each way by its name: auto, and each engine with each number of threads."""
    engines = ["torch", *(["openvino"] if openvino_version() else [])]
    most = torch.get_num_threads()
    ways: dict[str, Way] = {
        "auto, warm": partial(by_auto, image, model, warm),
        "auto, cold": partial(cold, image, model),
    }
    for engine in engines:
        for threads in dict.fromkeys((1, most)):
            name = f"{engine}, {threads} threads"
            ways[name] = partial(by_engine, image, model, engine, threads)
    return ways


def by_auto(image: np.ndarray, model: Model, cache: str) -> None:
    """A run as a new process would do it, with what is in a cache."""
    os.environ[FOLDER_VARIABLE] = cache
    choice.CROWDING = Crowding()  # which remembers nothing of the run before
    nu.segment(image, model, settings=nu.SegmentSettings(device="cpu"))


def cold(image: np.ndarray, model: Model) -> None:
    """The same with an empty cache."""
    with tempfile.TemporaryDirectory() as empty:
        by_auto(image, model, empty)


def by_engine(image: np.ndarray, model: Model, engine: str, threads: int) -> None:
    """A run with a named engine, which has so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        settings = nu.SegmentSettings.model_validate({"device": "cpu", "engine": engine})
        nu.segment(image, model, settings=settings)
    finally:
        torch.set_num_threads(before)


def figures_of(seconds: Mapping[str, list[float]]) -> dict[str, object]:
    """Median and spread of each way, and how auto compares with the best of the others."""
    best = min(median(times) for name, times in seconds.items() if not name.startswith("auto"))
    compared = {
        f"{name} / best": round(median(seconds[name]) / best, 3)
        for name in ("auto, warm", "auto, cold")
    }
    return {**{name: store.spread(times) for name, times in seconds.items()}, **compared}


def model_of(case: Case) -> Model:
    """A network with random weights."""
    dimensions = len(case.shape)
    config = UNetConfig(dimensions=dimensions, width=case.width, depth=POOLINGS[dimensions])
    names = ("background", "nucleus")
    classes = tuple(ClassSpec(name=name, colour="#ff8800") for name in names)
    spec = ModelSpec(name="random", architecture=config, channels=("grey",), classes=classes)
    torch.manual_seed(0)
    return build_model(spec, UNet(config))


def image_of(shape: tuple[int, ...]) -> np.ndarray:
    """A sample, repeated along its sides and cut."""
    sample = np.asarray((nuclei_2d if len(shape) == 2 else nuclei_3d)().image)
    times = [-(-side // length) for side, length in zip(shape, sample.shape, strict=True)]
    return np.tile(sample, times)[tuple(slice(side) for side in shape)]


@contextmanager
def beside(busy: bool) -> Iterator[None]:
    """Another process that computes all the time, where one is wanted."""
    if not busy:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _read(path: Path | None) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    if path is not None and path.exists():
        found = json.loads(path.read_text())
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--state", type=Path, help="what is done; cases in it are not run again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
