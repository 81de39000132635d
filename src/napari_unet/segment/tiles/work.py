"""How much there is to compute for a job, as the choice of an engine needs it. No torch."""

from collections.abc import Sequence
from dataclasses import replace

from napari_unet.segment.engine.auto.runners import Workload
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.tiling import Lattice, plan_size, plan_tiles


def work_of(job: SegmentJob, images: int = 1) -> Workload:
    """The windows of a job, or of so many images like it, on the processor."""
    found = work_in(job, *lattice_of(job))
    return replace(found, count=found.count * images)


def work_in(job: SegmentJob, lattice: Lattice, core_px: Sequence[int]) -> Workload:
    """The windows of a job whose tiles have such cores."""
    count, window = plan_size(lattice, job.region, core_px)
    tiles = count * len(job.frames)
    if (wanted := job.wanted) is not None:
        regions = [tile.write for tile in plan_tiles(lattice, job.region, core_px).tiles]
        tiles = sum(wanted(frame, region) for frame in job.frames for region in regions)
    return Workload(window, tiles)
