"""Where the halo of a model can be measured: regions of scans on which a tile is cut on all sides,
and the smaller halos to try there.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from napari_unet.learn.data.boxes import middle_of, voxels_of
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.lattice import exact_lattice
from napari_unet.segment.tiles.tiling import Lattice

EXACT = SegmentSettings(halo="exact")
FEWEST_VOXELS = 10**6  # below, too few labels can change to tell
# About as many are compared: cubes of a hundred voxels' side. The tiles that are used are larger,
# with their ends farther apart, so that there the labels change less.
COMPARED_VOXELS = 2**20


@dataclass(frozen=True)
class HaloRegion:
    """A region of a frame of a scan, so far from the frame's ends that a tile of it is cut on every
    side of the `free` axes; `empty_borders` says how the scan is segmented.
    """

    scan: Scan
    frame: Index
    slices: Slices
    free: tuple[bool, ...]
    empty_borders: bool = True


def halo_regions(
    spec: ModelSpec, scans: Sequence[Scan], empty_borders: bool = True
) -> list[HaloRegion]:
    """Where to measure; nowhere in the plane, where exact tiles cost little, nor if there is too
    little to measure on.
    """
    if spec.architecture.dimensions == 2:
        return []
    found: list[HaloRegion] = []
    left = COMPARED_VOXELS
    for region in _candidates(spec, scans):
        # one halo is measured for all, so all regions have to be free along the same axes
        if left > 0 and (not found or region.free == found[0].free):
            slices = middle_of(region.slices, left)
            found.append(replace(region, slices=slices, empty_borders=empty_borders))
            left -= voxels_of(found[-1].slices)
    return found if COMPARED_VOXELS - left >= FEWEST_VOXELS else []


def smaller_halos(spec: ModelSpec, region: HaloRegion) -> list[tuple[int, ...]]:
    """Less than exact, along the free axes, in steps of the network's strides; the least first."""
    lattice = exact_lattice(spec, region.scan, EXACT)
    axes = list(zip(lattice.halo, lattice.strides, region.free, strict=True))
    most = max(exact // step for exact, step, free in axes if free)
    return [
        tuple(min(exact, n * step) if free else exact for exact, step, free in axes)
        for n in range(1, most)
    ]


def _candidates(spec: ModelSpec, scans: Sequence[Scan]) -> Iterator[HaloRegion]:
    """The inner part of every frame that is long enough for one along some axis; other axes are
    taken whole.
    """
    for scan in scans:
        lattice = exact_lattice(spec, scan, EXACT)
        axes = [_inner(lattice, axis) for axis in range(len(lattice.maps))]
        slices = tuple(part for part, _ in axes)
        free = tuple(is_free for _, is_free in axes)
        if any(free):
            yield from (HaloRegion(scan, frame, slices, free) for frame in scan.frames(len(axes)))


def _inner(lattice: Lattice, axis: int) -> tuple[slice, bool]:
    """What of an axis, in voxels of the scan, has an exact halo on both sides; the whole axis where
    that is too little.
    """
    axis_map = lattice.maps[axis]
    margin = lattice.reach[axis]
    if axis_map.model_length < 2 * margin + lattice.strides[axis]:
        return slice(0, axis_map.length), False
    ends = math.ceil(margin * axis_map.factor)
    return slice(ends, max(ends + 1, axis_map.length - ends)), True
