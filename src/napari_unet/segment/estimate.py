"""What a run will take: memory from the plan of its tiles, time from the speed of earlier runs. No
torch.
"""

import math
from dataclasses import dataclass

from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.speed_cache import known_voxel_bytes, known_voxel_seconds
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.instance_sample import sample_bytes
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.memory import voxel_bytes
from napari_unet.segment.tiles.work import work_in
from napari_unet.words import data_size, duration

LONG_S = 10  # seconds; a run that takes longer is worth a line in a terminal
LONG_BYTES = 2**31  # the same if no speed is known: the memory of all tiles added up
LARGE_VOXELS = 2**20  # a smaller run is done in a moment, or not much later


@dataclass(frozen=True)
class Estimate:
    """The peak memory of a tile, how many tiles there are, the shape of their windows, and the
    seconds for all of them, if the speed is known.
    """

    memory_bytes: int
    tiles: int
    window: tuple[int, ...]
    seconds: float | None = None

    @property
    def text(self) -> str:
        """Memory and time in words, such as "Needs 1.1 GB, about 40 s"."""
        time = "" if self.seconds is None else f", about {duration(self.seconds)}"
        return f"Needs {data_size(self.memory_bytes)}{time}"

    @property
    def large(self) -> bool:
        """Whether the user wants to know how long it takes."""
        return self.tiles * math.prod(self.window) >= LARGE_VOXELS

    @property
    def long(self) -> bool:
        """Whether it takes so long that one will wait for it."""
        if self.seconds is None:
            return self.tiles * self.memory_bytes > LONG_BYTES
        return self.seconds > LONG_S


def estimate(job: SegmentJob, kind: Kind, device: str, free_bytes: int) -> Estimate:
    """What a job will take with an engine of that kind, on a device with so much free memory.

    Raises `SettingsError` if not even the smallest tile fits.
    """
    config = job.spec.architecture
    lattice, core_px = lattice_of(job, kind, free_bytes)
    work = work_in(job, lattice, core_px)
    tiles = work.count
    window = work.window
    voxels = math.prod(window)
    seconds = known_voxel_seconds(config, kind, device, voxels)
    each = voxel_bytes(config, lattice, kind, known_voxel_bytes(config, kind))
    memory_bytes = max(voxels * each, sample_bytes(config, lattice))
    all_seconds = None if seconds is None else seconds * voxels * tiles
    return Estimate(memory_bytes, tiles, window, all_seconds)
