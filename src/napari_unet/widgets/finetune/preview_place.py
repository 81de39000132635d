"""What of an image the user looks at, as far as a preview can show it: a part of one plane."""

import weakref
from contextlib import suppress
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer

from napari_unet.errors import NapariUNetError, ScanError
from napari_unet.scans.scan import Scan, Slices
from napari_unet.widgets.finetune.preview_job import PreviewPlace, PreviewPlaces
from napari_unet.widgets.viewer.focus import focus_of, part_in_view
from napari_unet.widgets.viewer.removal import is_open

SIDE_PX = {2: 256, 3: 96}
EVERY_MS = 700


class LookedAt(QObject):
    """Follows where the user looks at an image while a training runs."""

    def __init__(
        self, viewer: Any, layer: Image, scan: Scan, axes: str, places: PreviewPlaces
    ) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._layer = weakref.ref(layer)
        self._scan: Scan | None = scan
        self._axes = axes
        self._places = places
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(EVERY_MS)
        self.look()

    def stop(self) -> None:
        """Look no more, and let the image go."""
        self._timer.stop()
        self._scan = None

    def look(self) -> None:
        """Note where the user looks now; a viewer or a layer that is gone leaves it where it was."""
        viewer: Any = self._viewer()
        layer = self._layer()
        if self._scan is None or layer is None or not is_open(viewer) or layer not in viewer.layers:
            return
        for dimensions in (2, 3) if "z" in self._scan.axes else (2,):
            with suppress(NapariUNetError, ValueError):
                self._places.of[dimensions] = preview_place(
                    viewer, layer, self._scan, self._axes, dimensions
                )


def preview_place(
    viewer: Any, layer: Image, scan: Scan, axes: str, dimensions: int
) -> PreviewPlace:
    """The middle of what is shown: a frame, and a region of it that is one voxel thick in 3D."""
    looked = focus_of(viewer, layer, scan, axes, dimensions)
    side = SIDE_PX[dimensions]
    try:
        frames, region = part_in_view(
            viewer, layer, scan, axes, dimensions, slice_only=True, view_only=True
        )
    except ScanError:
        frames, region = None, None
    shape = scan.frame_shape(dimensions)
    whole = tuple(slice(0, n) for n in shape)
    shown = (
        region
        if region is not None and frames and all(part.start < part.stop for part in region)
        else whole
    )
    plane = tuple(
        _around(point, part, side) for point, part in zip(looked.point, shown, strict=True)
    )
    return PreviewPlace(frames[0] if frames else looked.frame, _flat(plane, looked.point))


def _around(point: float, part: slice, side: int) -> slice:
    """At most `side` voxels of a part, around a point where that is possible."""
    length = min(side, part.stop - part.start)
    start = min(max(round(point) - length // 2, part.start), part.stop - length)
    return slice(start, start + length)


def _flat(region: Slices, point: tuple[float, ...]) -> Slices:
    """One plane of a volume: the first axis where nothing is thin already."""
    if len(region) < 3 or any(part.stop - part.start == 1 for part in region):
        return region
    middle = min(max(round(point[0]), region[0].start), region[0].stop - 1)
    return (slice(middle, middle + 1), *region[1:])
