"""The part of an image in view, as far as a preview can show it: a region of one plane."""

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.scans.scan import Scan, Slices
from napari_unet.widgets.finetune.order import PreviewRegion, PreviewRegions
from napari_unet.widgets.viewer.focus import focus_of, part_in_view
from napari_unet.widgets.viewer.layer_list import in_viewer

if TYPE_CHECKING:
    from napari.layers import Image

SIDE_PX = {2: 256, 3: 96}
EVERY_MS = 700


class PreviewFollower(QObject):
    """Follows the part of an image in view while a training runs."""

    def __init__(
        self, viewer: Any, layer: "Image", scan: Scan, axes: str, regions: PreviewRegions
    ) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._layer = weakref.ref(layer)
        self._scan: Scan | None = scan
        self._axes = axes
        self._regions = regions
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.update)
        self._timer.start(EVERY_MS)
        self.update()

    def stop(self) -> None:
        """End following, and let the image go."""
        self._timer.stop()
        self._scan = None

    def update(self) -> None:
        """Note the region in view now; it stays where a viewer or a layer is gone."""
        viewer: Any = self._viewer()
        layer = self._layer()
        if self._scan is None or layer is None or not in_viewer(viewer, layer):
            return
        for dimensions in (2, 3) if "z" in self._scan.axes else (2,):
            with suppress(NapariUNetError, ValueError):
                self._regions.by_dimensions[dimensions] = preview_region(
                    viewer, layer, self._scan, self._axes, dimensions
                )


def preview_region(
    viewer: Any, layer: "Image", scan: Scan, axes: str, dimensions: int
) -> PreviewRegion:
    """The middle of what is shown: a frame, and a region of it that is one voxel thick in 3D."""
    focus = focus_of(viewer, layer, scan, axes, dimensions)
    side = SIDE_PX[dimensions]
    try:
        frames, region = part_in_view(
            viewer, layer, scan, axes, dimensions, slice_only=True, view_only=True
        )
    except ScanError:  # in the 3D view, which has no such part
        frames = None
        region = None
    shown = tuple(slice(0, n) for n in scan.frame_shape(dimensions))
    if frames and region is not None and all(part.start < part.stop for part in region):
        shown = region
    plane = tuple(
        _around(point, part, side) for point, part in zip(focus.point, shown, strict=True)
    )
    return PreviewRegion(frames[0] if frames else focus.frame, _flat(plane, focus.point))


def _around(point: float, part: slice, side: int) -> slice:
    """At most `side` voxels of a part, around a point where that is possible."""
    length = min(side, part.stop - part.start)
    start = min(max(round(point) - length // 2, part.start), part.stop - length)
    return slice(start, start + length)


def _flat(region: Slices, point: tuple[float, ...]) -> Slices:
    """A region one voxel thick: along the first axis, where no axis is a single voxel already."""
    if len(region) < 3 or any(part.stop - part.start == 1 for part in region):
        return region
    middle = min(max(round(point[0]), region[0].start), region[0].stop - 1)
    return (slice(middle, middle + 1), *region[1:])
