"""Trying a tile, to learn how long one takes and how much memory, when no earlier run says it."""

import math
import time
from dataclasses import dataclass, replace
from statistics import median

from napari_unet.errors import NotEnoughMemoryError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import round_up, total_strides
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.auto.runners import Workload
from napari_unet.segment.engine.choice import engines_to_compare
from napari_unet.segment.engine.out_of_memory import memory_errors_explained
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.speed_cache import PROBE_VOXELS
from napari_unet.segment.engine.timed_engine import timed
from napari_unet.segment.estimate import Estimate
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.transfer import FromDevice

ROUNDS = 3
WORTH_A_PROBE = 20  # tiles in a run, from which on one more makes little difference


def with_seconds(found: Estimate, engine: Engine, spec: ModelSpec) -> Estimate:
    """The estimate with its seconds. If they are not known, and the run has many tiles, a window of
    zeros is run and its time taken.

    A network that normalises by instance is not tried: until it has the statistics of a frame, it
    is another and slower one.
    """
    by_instance = spec.architecture.norm == "instance"
    if found.seconds is not None or found.tiles < WORTH_A_PROBE or by_instance:
        return found
    begun = time.monotonic()
    try:
        with memory_errors_explained():
            FromDevice(engine.run(torch.zeros(len(spec.channels), *found.window))).wait()
    except NotEnoughMemoryError:
        return found  # the run will find tiles that are small enough
    return replace(found, seconds=(time.monotonic() - begun) * found.tiles)


@dataclass(frozen=True)
class Probed:
    """What was measured: engine, device and shape of the window, and for each of its voxels the
    seconds and, if they could be measured, the bytes.
    """

    engine: str
    device: str
    window: tuple[int, ...]
    voxel_seconds: float
    voxel_bytes: float | None


def probe(model: Model, settings: SegmentSettings, voxels: int = PROBE_VOXELS) -> Probed:
    """Run a model a few times on noise, and save what that took for later estimates; of all engines
    that "auto" may choose, the fastest counts. Raises as `make_engine` does.

    The window has so many `voxels`, or a few more. Memory can only be measured in a process that
    has computed nothing before.
    """
    config = model.spec.architecture
    side = math.ceil(voxels ** (1 / config.dimensions))
    shape = tuple(round_up(side, stride) for stride in total_strides(config))
    generator = torch.Generator().manual_seed(0)
    window = torch.rand(len(model.spec.channels), *shape, generator=generator)
    work = Workload(shape, 1)
    found = [
        _probed(engine, config, window, fresh=not number)
        for number, engine in enumerate(engines_to_compare(model, settings, work))
    ]
    return min(found, key=lambda each: each.voxel_seconds)


def _probed(engine: Engine, config: UNetConfig, window: torch.Tensor, fresh: bool) -> Probed:
    with timed(engine, config, fresh) as watched:
        if config.norm == "instance":
            watched.fix_statistics(window[None])
        for _ in range(ROUNDS):
            FromDevice(watched.run(window)).wait()
        seconds = median(speed.seconds for speed in watched.speeds())
        taken = [memory.voxel_bytes for memory in watched.memory()]
        voxel_bytes = taken[-1] if taken else None
        return Probed(engine.name, engine.device, tuple(window.shape[1:]), seconds, voxel_bytes)
