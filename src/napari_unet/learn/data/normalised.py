"""A scan as a network sees it, which a training has to do as segmenting does: the same intensities,
and the same voxels that are no image and so neither teach nor judge.
"""

from functools import partial

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.learn.data.boxes import bounding_box
from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.item import in_frame_order
from napari_unet.model.spec import ModelSpec
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.statistics.frame import FrameStatistics, frame_statistics
from napari_unet.segment.statistics.no_data import usable
from napari_unet.segment.tiles.normalize import excluded_in, normalize, with_margin

NO_IMAGE = (
    "All trusted voxels lie where there is no image: where it is NaN or infinite, or in a border "
    "without data. Correct the labels where there is an image."
)


class NormalisedScan:
    """Reads a scan as it is when a model with that spec segments it: each frame by its own
    statistics, which are computed once.
    """

    def __init__(
        self,
        scan: Scan,
        spec: ModelSpec,
        empty_borders: bool = True,
        control: GetControl = always_continue,
    ) -> None:
        self.scan = scan
        self.dimensions = spec.architecture.dimensions
        self.empty_borders = empty_borders
        self._known: dict[Index, FrameStatistics] = {}
        how = spec.normalization
        compute = partial(frame_statistics, scan, self.dimensions, how=how, control=control)
        self._compute = partial(compute, empty_borders=empty_borders)

    @property
    def known(self) -> list[FrameStatistics]:
        """The statistics of the frames that were read so far."""
        return list(self._known.values())

    def statistics(self, frame: Index) -> FrameStatistics:
        """Those of a frame; raises `ScanError` for one of which more than half is no number."""
        if frame not in self._known:
            self._known[frame] = self._compute(frame=frame)
        return self._known[frame]

    def read(self, frame: Index, region: Slices) -> tuple[np.ndarray, np.ndarray | None]:
        """A region's intensities (channels, *region), float32, and which voxels are no image
        (*region), None if there are none.
        """
        part, inner = self._with_margin(frame, region)
        values, mask = normalize(part, self.statistics(frame))
        return values[(slice(None), *inner)], None if mask is None else mask[inner]

    def without_image(self, frame: Index, region: Slices) -> np.ndarray | None:
        """The same voxels of a region, without its intensities."""
        statistics = self.statistics(frame)
        may_be = statistics.no_data is not None or bool(statistics.empty_channels)
        if not may_be and not self._is_real:
            return None  # nothing has to be read to know that
        part, inner = self._with_margin(frame, region)
        mask = excluded_in(part, statistics)
        return None if mask is None else mask[inner]

    def with_image(self, trust: np.ndarray) -> np.ndarray:
        """The trust of the scan's labels but where there is no image; the array itself if there is
        image everywhere. Only what lies around trusted voxels is read.

        Raises `ScanError` if nothing is left.
        """
        found = trust
        for frame in self.scan.frames(self.dimensions):
            whole = tuple(slice(0, n) for n in self.scan.frame_shape(self.dimensions))
            own = trust[self.scan.result_index(frame, whole)]
            trusted = in_frame_order(self.scan, own, self.dimensions) != UNTRUSTED
            box = bounding_box(trusted)
            mask = None if box is None else self._distrusted(frame, box, trusted[box])
            if box is None or mask is None or not mask.any():
                continue
            found = trust.copy() if found is trust else found
            found[self.scan.result_index(frame, box)] *= self.scan.to_result_axes(~mask).astype(
                found.dtype
            )
        if not found.any():
            raise ScanError(NO_IMAGE)
        return found

    def _distrusted(self, frame: Index, box: Slices, trusted: np.ndarray) -> np.ndarray | None:
        """Where a box holds no image. Statistics are not wanted of a frame without any number."""
        if self._is_real:
            numbers = usable(self.scan.read(frame, box))
            if numbers is not None and not (trusted & numbers.all(axis=0)).any():
                return np.ones(trusted.shape, bool)
        return self.without_image(frame, box)

    @property
    def _is_real(self) -> bool:
        return bool(np.dtype(self.scan.data.dtype).kind == "f")

    def _with_margin(self, frame: Index, region: Slices) -> tuple[np.ndarray, Slices]:
        wide, inner = with_margin(region, self.scan.frame_shape(self.dimensions))
        return self.scan.read(frame, wide), inner
