"""Where a job's tiles may lie: the two grids, the halo that tiles need, and how large they may be.

The halo is exact, from the network's shape, or measured, which is smaller and was found when the
model was trained. Which of them is used follows from model, frame and settings alone, never from
the machine, so that all who compute parts of one result agree.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from napari_unet.devices import ram_available_bytes
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.resample import axis_maps
from napari_unet.scans.scan import Scan
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.speed_cache import known_voxel_bytes
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.memory import EngineMemory, core_shape
from napari_unet.segment.tiles.tiling import Lattice, computed_share

# a measured halo is used where exact tiles would compute more than so many times the frame
WORTH_MEASURED = 1.5


@dataclass(frozen=True)
class Halo:
    """The context on each side of a core, in model voxels per axis, and where it comes from."""

    kind: Literal["exact", "measured"]
    voxels: tuple[int, ...]


def lattice_of(
    job: SegmentJob, kind: Kind = "torch", free_bytes: int | None = None
) -> tuple[Lattice, tuple[int, ...]]:
    """The lattice of a job's frames, and the largest core that an engine of that kind may have.

    `free_bytes` is the memory that the engine can take, by default that of the machine.
    """
    lattice = replace(
        exact_lattice(job.spec, job.scan, job.settings),
        halo=halo_of(job).voxels,
        first_halo=_first_halo(job),
    )
    if job.core_px is not None:
        return lattice, job.core_px
    free_bytes = ram_available_bytes() if free_bytes is None else free_bytes
    config = job.spec.architecture
    measured = known_voxel_bytes(config, kind)
    memory = EngineMemory(free_bytes, kind, measured)
    return lattice, core_shape(config, lattice, memory, job.settings.tile_px)


def halo_of(job: SegmentJob) -> Halo:
    """The halo that a job's tiles get."""
    exact = Halo("exact", exact_halo(job.spec.architecture))
    measured = job.spec.halo
    wanted = job.settings.halo
    if measured is None or wanted == "exact":
        return exact
    if wanted == "auto" and exact_cost(job) <= WORTH_MEASURED:
        return exact
    return Halo("measured", measured.voxels)


def _first_halo(job: SegmentJob) -> tuple[int, ...] | None:
    """The halo of the small tile that comes first, if it has one of its own: the measured one, as
    long as the user does not insist on exact tiles.
    """
    return None if job.spec.halo is None or job.settings.halo == "exact" else job.spec.halo.voxels


def halo_facts(job: SegmentJob) -> dict[str, Any]:
    """What a result says of its halo, as plain values; of a measured one also the share of labels
    that changed when it was measured.
    """
    halo = halo_of(job)
    measured = job.spec.halo
    facts = {"kind": halo.kind, "voxels": list(halo.voxels)}
    if halo.kind == "exact" or measured is None:
        return facts
    return facts | {"changed": measured.changed, "compared": measured.compared}


def exact_cost(job: SegmentJob) -> float:
    """How many voxels exact tiles compute for each voxel of a frame.

    Reckoned for a machine with enough memory that has measured nothing, so that every machine gets
    the same number.
    """
    config = job.spec.architecture
    lattice = exact_lattice(job.spec, job.scan, job.settings)
    core = core_shape(config, lattice, EngineMemory(math.inf), job.settings.tile_px)
    return computed_share(lattice, core)


def exact_lattice(spec: ModelSpec, scan: Scan, settings: SegmentSettings) -> Lattice:
    """The lattice of a scan's frames with exact tiles."""
    config = spec.architecture
    maps = axis_maps(
        scan.frame_shape(config.dimensions),
        scan.frame_spacing(config.dimensions),
        wanted_spacing(spec, scan, settings),
    )
    return Lattice(maps, total_strides(config), exact_halo(config))
