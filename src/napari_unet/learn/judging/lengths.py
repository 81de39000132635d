"""How wide a judged block and the margin around it have to be, in the voxels of one scan."""

import math
from dataclasses import dataclass

from napari_unet.scans.scan import SPATIAL, Scan

BLOCK_DIAMETERS = 3
LEAST_MARGIN_PX = 16


@dataclass(frozen=True)
class HoldOutLengths:
    """Lengths that follow from the diameter of an object, in pixels along x; where the spacing is
    unknown, its voxels have the proportions that its scale says.
    """

    scan: Scan
    dimensions: int
    object_px: float

    @property
    def block_sides(self) -> tuple[int, ...]:
        """The least side of a block, along each axis of a frame."""
        return tuple(
            max(1, math.ceil(BLOCK_DIAMETERS * self.object_px * self._voxels_per_px(axis)))
            for axis in self.scan.frame_axes(self.dimensions)
        )

    @property
    def margins(self) -> tuple[int, ...]:
        """The width of the margin, along each axis of the labels: an object in depth, too, and one
        frame in time.
        """
        return tuple(self._margin(axis) for axis in self.scan.result_axes)

    def _margin(self, axis: str) -> int:
        if axis not in SPATIAL:
            return int(axis == "t")
        in_frame = axis in self.scan.frame_axes(self.dimensions)
        px = max(self.object_px, LEAST_MARGIN_PX) if in_frame else self.object_px
        return math.ceil(px * self._voxels_per_px(axis))

    def _voxels_per_px(self, axis: str) -> float:
        """Voxels along an axis for each along x."""
        spacing = dict(zip(self.scan.spatial_axes, self.scan.spacing, strict=True))
        return spacing["x"] / spacing[axis]
