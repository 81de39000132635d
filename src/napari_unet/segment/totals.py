"""What every run into files counts, whatever kind of files they are."""

from collections.abc import Collection, Sequence

import numpy as np

from napari_unet.scans.scan import Index
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.tiles.tile_result import TileResult


class RunTotals:
    """A job, what its task counts of the labels (`counted`), the voxels that were not finite, how
    many tiles were computed and how many were finished before, and by which engines.
    """

    def __init__(self, job: SegmentJob) -> None:
        self.job = job
        self.counted = job.task.count(job.task.empty_labels((0,)))
        self.nonfinite = 0
        self.tiles = 0
        self.skipped = 0
        self.engines = EnginesUsed()
        self.problem = ""  # why there are only the labels, where probabilities were wanted too
        self.room_note = ""  # what there is to say of the room on the disks of the results
        self._statistics: dict[Index, FrameStatistics] = {}

    @property
    def statistics(self) -> Collection[FrameStatistics]:
        """The statistics of each frame of which tiles are known."""
        return self._statistics.values()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be computed."""
        return False

    @property
    def resume_hint(self) -> str:
        """One sentence on what is saved and how to resume, should the run end here; empty where
        nothing is.
        """
        return ""

    def take(self, tile: TileResult) -> None:
        """Count a tile."""
        self.counted += self.counted_in(tile)
        self.nonfinite += tile.nonfinite
        self.tiles += 1
        self._statistics[tile.frame] = tile.statistics
        self.engines.take(tile)

    def counted_in(self, tile: TileResult) -> np.ndarray:
        """What the task counts in a tile."""
        return self.job.task.count(tile.labels)


class EnginesUsed:
    """The names of the engines in the order in which they ran, and the note of the last one."""

    def __init__(self, before: Sequence[str] = ()) -> None:
        """`before` are those whose tiles an earlier run has computed."""
        self.names = list(dict.fromkeys(before))
        self._note: str | None = None
        self.reason = ""  # why the last one ran

    def take(self, tile: TileResult) -> bool:
        """Take engine and note of a tile; True for the first tile of an engine."""
        self._note = tile.engine_note
        self.reason = tile.engine_reason
        return self.add(tile.engine)

    def add(self, name: str) -> bool:
        """Take the name of an engine that has run, here or elsewhere; True where it is new."""
        new = name not in self.names
        if new:
            self.names.append(name)
        return new

    @property
    def joined(self) -> str:
        """Their names as one text, such as "openvino … on cpu, then torch … on cpu"."""
        return ", then ".join(self.names)

    def facts(self) -> dict[str, str]:
        """What a result's metadata say of the engines, known only at the end; nothing where no tile
        was computed.
        """
        if not self.names:
            return {}
        note = {} if self._note is None else {"engine_note": self._note}
        reason = {"engine_reason": self.reason} if self.reason else {}
        return {"engine": self.joined, **note, **reason}
