"""What comes of a tile."""

from dataclasses import dataclass

import numpy as np

from napari_unet.scans.scan import Index, Slices
from napari_unet.segment.statistics import FrameStatistics


@dataclass(frozen=True)
class TileResult:
    """A finished tile: where it belongs, its labels, and its probabilities (K or 1, *region) where
    they are kept.

    A `provisional` tile is covered by a larger one that comes later and says the same, up to what a
    measured halo changes. `engine` is what made it, and `engine_note` what is to be known of that.
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
