"""How long a tile takes where no earlier run tells: one is tried."""

import time
from dataclasses import replace

from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.segment.engine import Engine
from napari_unet.segment.estimate import Estimate
from napari_unet.segment.out_of_memory import out_of_memory
from napari_unet.segment.transfer import Arriving

WORTH_A_PROBE = 20  # in a run of so many tiles, one more is little


def with_seconds(found: Estimate, engine: Engine, spec: ModelSpec) -> Estimate:
    """An estimate with its seconds, where they are known, or where the run has so many tiles that a window of zeros is run first.

    A network that normalises by instance is another one before it has the statistics of a frame, and is not tried.
    """
    if found.seconds is not None or found.tiles < WORTH_A_PROBE or spec.architecture.norm == "instance":
        return found
    begun = time.monotonic()
    try:
        Arriving(engine.run(torch.zeros(len(spec.channels), *found.window))).wait()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return found  # the run will find out which tiles do
    return replace(found, seconds=(time.monotonic() - begun) * found.tiles)
