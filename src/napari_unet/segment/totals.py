"""What a run into files counts, whatever kind of files they are."""

from collections.abc import Sequence

import numpy as np

from napari_unet.segment.job import SegmentJob
from napari_unet.segment.stream import TileResult


class RunTotals:
    """A job, voxels of each class and voxels that were not finite, tiles that were computed and
    finished before, and by what.
    """

    def __init__(self, job: SegmentJob) -> None:
        self.job = job
        self.voxels = job.task.count(job.task.empty_labels((0,)))
        self.nonfinite = self.tiles = self.skipped = 0
        self.engines = EnginesUsed()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be computed."""
        return False

    @property
    def kept(self) -> str:
        """One sentence on what can be gone on with, should the run end here; empty where nothing
        can.
        """
        return ""

    def take(self, tile: TileResult) -> None:
        """Count a tile."""
        self.voxels += self.classes_in(tile)
        self.nonfinite += tile.nonfinite
        self.tiles += 1
        self.engines.take(tile)

    def classes_in(self, tile: TileResult) -> np.ndarray:
        """Voxels of each class in a tile."""
        return self.job.task.count(tile.labels)


class EnginesUsed:
    """The names of the engines in the order in which they ran, and what is to be known of the last."""

    def __init__(self, before: Sequence[str] = ()) -> None:
        """`before` are those of the tiles that another run has made."""
        self.names = list(dict.fromkeys(before))
        self._note: str | None = None

    def take(self, tile: TileResult) -> bool:
        """Take what a tile says; whether it is the first of its engine."""
        self._note = tile.engine_note
        return self.add(tile.engine)

    def add(self, name: str) -> bool:
        """Take the name of one that has run, here or elsewhere; whether it is new."""
        new = name not in self.names
        if new:
            self.names.append(name)
        return new

    @property
    def told(self) -> str:
        """Their names, as one text."""
        return ", then ".join(self.names)

    def facts(self) -> dict[str, str]:
        """What of a run's facts can only be said at its end; nothing where no tile was made."""
        note = {} if self._note is None else {"engine_note": self._note}
        return {"engine": self.told, **note} if self.names else {}
