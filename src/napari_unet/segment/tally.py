"""What a run into files counts, whatever kind of files they are."""

import numpy as np

from napari_unet.segment.engines_used import EnginesUsed
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.stream import TileResult


class Tally:
    """A job, voxels of each class and voxels that were not finite, tiles that were computed and finished before, and by what."""

    def __init__(self, job: SegmentJob) -> None:
        self.job = job
        self.voxels = np.zeros(len(job.spec.classes), np.int64)
        self.nonfinite = self.tiles = self.skipped = 0
        self.engines = EnginesUsed()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be computed."""
        return False

    @property
    def kept(self) -> str:
        """One sentence on what can be gone on with, should the run end here; empty where nothing can."""
        return ""

    def take(self, tile: TileResult) -> None:
        """Count a tile."""
        self.voxels += self.classes_in(tile)
        self.nonfinite += tile.nonfinite
        self.tiles += 1
        self.engines.take(tile)

    def classes_in(self, tile: TileResult) -> np.ndarray:
        """Voxels of each class in a tile."""
        return np.bincount(tile.labels.ravel(), minlength=len(self.voxels))
