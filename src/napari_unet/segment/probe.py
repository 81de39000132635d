"""How long a tile takes where no earlier run tells: one is tried."""

import time
from dataclasses import replace

import numpy as np

from napari_unet.segment.engine import Engine
from napari_unet.segment.estimate import Estimate
from napari_unet.segment.out_of_memory import out_of_memory

WORTH_A_PROBE = 20  # in a run of so many tiles, one more is little


def with_seconds(found: Estimate, engine: Engine, channels: int) -> Estimate:
    """An estimate with its seconds, where they are known, or where the run has so many tiles that a window of zeros is run first."""
    if found.seconds is not None or found.tiles < WORTH_A_PROBE:
        return found
    begun = time.monotonic()
    try:
        engine.run(np.zeros((channels, *found.window), np.float32))
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return found  # the run will find out which tiles do
    return replace(found, seconds=(time.monotonic() - begun) * found.tiles)
