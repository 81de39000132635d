"""How the frames of a job are cut: the lattice they share, and how large a core may be. No torch."""

from napari_unet.devices import ram_available_bytes
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.scans.resample import axis_maps
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.installed import Kind
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.memory import core_shape
from napari_unet.segment.tiling import Lattice


def lattice_of(job: SegmentJob, kind: Kind = "torch", free_bytes: int | None = None) -> tuple[Lattice, tuple[int, ...]]:
    """The lattice of a job's frames, and how large a core may be with an engine of that kind.

    `free_bytes` is the memory that the engine can take; where it is not given, that of the machine.
    """
    config, dims = job.spec.architecture, job.dimensions
    wanted = wanted_spacing(job.spec, job.scan, job.settings)
    maps = axis_maps(job.scan.frame_shape(dims), job.scan.frame_spacing(dims), wanted)
    lattice = Lattice(maps, total_strides(config), exact_halo(config))
    if job.core_px is not None:
        return lattice, job.core_px
    free_bytes = ram_available_bytes() if free_bytes is None else free_bytes
    return lattice, core_shape(config, lattice, free_bytes, job.settings.tile_px, kind)
