"""The result of one tile."""

from dataclasses import dataclass

import numpy as np

from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.statistics.frame import FrameStatistics


@dataclass(frozen=True)
class TileResult:
    """A finished tile: its frame, the region that it covers, its labels and, if they are to be
    kept, its probabilities (K or 1, *region).

    A `provisional` tile is covered by a larger one that comes later and says the same, up to what a
    measured halo changes. `engine` is the name of what computed it, `engine_note` what the user
    should know of that, `engine_reason` why it ran.
    """

    frame: Index
    region: Slices
    labels: np.ndarray
    probabilities: np.ndarray | None
    statistics: FrameStatistics
    nonfinite: int
    done: int
    total: int
    provisional: bool = False
    engine: str = ""
    engine_note: str = ""
    engine_reason: str = ""
