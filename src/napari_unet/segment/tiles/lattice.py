"""Where a job's tiles may lie: the grids, the context that each needs, and how large they may be.

The context (halo) is exact, computed from the network's shape (`model.geometry`), or measured when
the model was trained (`learn.halo`). Which it is follows from the model, the
frame and the settings alone, so that all who work at one result agree.
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
from napari_unet.segment.tiles.memory import core_shape
from napari_unet.segment.tiles.tiling import Lattice, computed_share

# where exact tiles would compute more than so many times the frame, a measured halo takes their
# place
WORTH_MEASURED = 1.5


@dataclass(frozen=True)
class Halo:
    """The context around a core, in model voxels per axis, and where it comes from."""

    kind: Literal["exact", "measured"]
    voxels: tuple[int, ...]


def lattice_of(
    job: SegmentJob, kind: Kind = "torch", free_bytes: int | None = None
) -> tuple[Lattice, tuple[int, ...]]:
    """The lattice of a job's frames, and how large a core may be with an engine of that kind.

    `free_bytes` is the memory that the engine can take; where it is not given, that of the machine.
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
    return lattice, core_shape(
        config, lattice, free_bytes, job.settings.tile_px, kind, known_voxel_bytes(config, kind)
    )


def halo_of(job: SegmentJob) -> Halo:
    """The halo that a job's tiles get."""
    wanted = job.settings.halo
    measured = job.spec.halo
    if (
        measured is None
        or wanted == "exact"
        or (wanted == "auto" and exact_cost(job) <= WORTH_MEASURED)
    ):
        return Halo("exact", exact_halo(job.spec.architecture))
    return Halo("measured", measured.voxels)


def _first_halo(job: SegmentJob) -> tuple[int, ...] | None:
    """The halo of the small tile that comes first, if it has one of its own: what was measured,
    unless exact is asked for by name.
    """
    return None if job.spec.halo is None or job.settings.halo == "exact" else job.spec.halo.voxels


def halo_facts(job: SegmentJob) -> dict[str, Any]:
    """What a result says of its halo, as plain values: of a measured one, the share of labels that
    it changed there.
    """
    halo = halo_of(job)
    measured = job.spec.halo
    told = {"kind": halo.kind, "voxels": list(halo.voxels)}
    return (
        told
        if halo.kind == "exact" or measured is None
        else told | {"changed": measured.changed, "compared": measured.compared}
    )


def exact_cost(job: SegmentJob) -> float:
    """How many voxels exact tiles compute for each of a frame, on a machine that has enough memory
    and where nothing was measured.
    """
    lattice = exact_lattice(job.spec, job.scan, job.settings)
    return computed_share(
        lattice, core_shape(job.spec.architecture, lattice, math.inf, job.settings.tile_px)
    )


def exact_lattice(spec: ModelSpec, scan: Scan, settings: SegmentSettings) -> Lattice:
    """The lattice of a scan's frames with exact tiles."""
    config = spec.architecture
    maps = axis_maps(
        scan.frame_shape(config.dimensions),
        scan.frame_spacing(config.dimensions),
        wanted_spacing(spec, scan, settings),
    )
    return Lattice(maps, total_strides(config), exact_halo(config))
