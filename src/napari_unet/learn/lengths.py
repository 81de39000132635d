"""How long a block and how wide a band are in the voxels of one scan."""

import math
from dataclasses import dataclass

from napari_unet.scans.scan import SPATIAL, Scan

BLOCK_DIAMETERS = 3
LEAST_BAND_PX = 16


@dataclass(frozen=True)
class Lengths:
    """Lengths in the voxels of one scan; where the spacing is unknown, its voxels have the proportions that its scale says."""

    scan: Scan
    dimensions: int
    object_px: float

    @property
    def side(self) -> tuple[int, ...]:
        """The least side of a block, along each axis of a frame."""
        return tuple(max(1, math.ceil(BLOCK_DIAMETERS * self.object_px * self._ratio(a))) for a in self.scan.frame_axes(self.dimensions))

    @property
    def band(self) -> tuple[int, ...]:
        """The width of the band, along each axis of the labels: an object in depth, too, and one frame in time."""
        return tuple(self._band(a) for a in self.scan.result_axes)

    def _band(self, axis: str) -> int:
        if axis not in SPATIAL:
            return int(axis == "t")
        within = axis in self.scan.frame_axes(self.dimensions)
        return math.ceil(max(self.object_px, LEAST_BAND_PX if within else 0) * self._ratio(axis))

    def _ratio(self, axis: str) -> float:
        """Voxels along an axis for each along x."""
        known = dict(zip(self.scan.spatial_axes, self.scan.spacing, strict=True))
        return known["x"] / known[axis]
