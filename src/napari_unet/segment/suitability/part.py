"""The part of a scan that a model is tried on. No torch."""

from dataclasses import dataclass, replace

import numpy as np

from napari_unet.model.spec import ModelSpec
from napari_unet.progress import GetControl
from napari_unet.scans.scan import SPATIAL, Scan, Slices
from napari_unet.segment.check import check_fit, check_spacing, wanted_spacing
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics, frame_statistics
from napari_unet.segment.tiles.queue import Focus

SIDES = {2: 320, 3: 64}  # of the part, in voxels of the model: less shows too few objects


@dataclass(frozen=True)
class ScanPart:
    """A part of one frame as a scan of its own, with the `statistics` of the whole frame."""

    scan: Scan
    statistics: FrameStatistics

    def mirrored(self, axis: int) -> "ScanPart":
        """The same part with one of its axes the other way round."""
        data = np.ascontiguousarray(np.flip(self.scan.data, axis))
        return replace(self, scan=replace(self.scan, data=data))


def read_part(
    scan: Scan,
    spec: ModelSpec,
    settings: SegmentSettings,
    view: Focus | None,
    control: GetControl,
) -> ScanPart:
    """Read the part around a point in view, or in the middle of the scan; raises `ScanError` where
    the model can not be run on the scan.
    """
    check_fit(spec, scan)
    check_spacing(spec, scan, settings)
    dimensions = spec.architecture.dimensions
    focus = view or _middle(scan, dimensions)
    region = _region(scan, spec, settings, focus.point)
    data = scan.read(focus.frame, region)
    statistics = frame_statistics(
        scan,
        dimensions,
        focus.frame,
        spec.normalization,
        control,
        empty_borders=settings.empty_borders,
    )
    own = Scan(data, "c" + SPATIAL[-dimensions:], scan.frame_spacing(dimensions), scan.unit)
    return ScanPart(own, statistics)


def _middle(scan: Scan, dimensions: int) -> Focus:
    frame = tuple(n // 2 for n in scan.grid_shape(dimensions))
    return Focus(frame, tuple(n / 2 for n in scan.frame_shape(dimensions)))


def _region(
    scan: Scan, spec: ModelSpec, settings: SegmentSettings, point: tuple[float, ...]
) -> Slices:
    """The box around a point that is as large for the model as others, whatever the pixel size."""
    dimensions = spec.architecture.dimensions
    own = scan.frame_spacing(dimensions)
    size = wanted_spacing(spec, scan, settings) or own
    sides = [
        min(n, max(1, round(SIDES[dimensions] * target / mine)))
        for n, target, mine in zip(scan.frame_shape(dimensions), size, own, strict=True)
    ]
    starts = [
        int(np.clip(round(at - side / 2), 0, n - side))
        for at, side, n in zip(point, sides, scan.frame_shape(dimensions), strict=True)
    ]
    return tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))
