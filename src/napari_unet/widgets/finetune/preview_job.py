"""The part of the image in view as two models see it, computed in the worker's thread between the
steps of a training.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.widgets.finetune.fields.preview import PreviewPart

if TYPE_CHECKING:
    from napari_unet.model.model import Model


@dataclass(frozen=True)
class PreviewPlace:
    """A frame of a scan, and a region of it of which at least one axis is a single voxel in 3D."""

    frame: Index
    region: Slices


class PreviewPlaces:
    """Where the user looks, for slices (2) and volumes (3): written by the main thread, read by the
    worker's.
    """

    def __init__(self) -> None:
        self.of: dict[int, PreviewPlace] = {}


class PreviewJob:
    """Predicts the place that is looked at; used in the worker's thread alone."""

    def __init__(self, scan: Scan, parent: "Model | None", device: str) -> None:
        self._scan = scan
        self._parent = parent
        self._device = device
        self._known: PreviewPlace | None = None
        self._image = self._before = np.zeros((1, 1))

    def part(self, model: "Model", place: PreviewPlace) -> PreviewPart:
        """A place under the labels of the parent and of `model`."""
        if place != self._known:
            self._image = self._plane_of_image(place)
            self._before = (
                self._labels(self._parent, place) if self._parent is not None else self._before
            )
            self._known = place
        return PreviewPart(
            self._image,
            self._before if self._parent is not None else None,
            self._labels(model, place),
        )

    def _labels(self, model: "Model", place: PreviewPlace) -> np.ndarray:
        from napari_unet.segment.job import plan_job
        from napari_unet.segment.run import segment_region
        from napari_unet.segment.settings import SegmentSettings

        settings = SegmentSettings(
            device=self._device, engine="torch"
        )  # each model is run once: compiling it would not pay
        job = plan_job(model.spec, self._scan, settings, [place.frame], place.region)
        return as_plane(segment_region(model, job))

    def _plane_of_image(self, place: PreviewPlace) -> np.ndarray:
        channels = np.nan_to_num(np.asarray(self._scan.read(place.frame, place.region), np.float32))
        plane = as_plane(channels.mean(axis=0))
        low, high = np.percentile(plane, (1, 99.8))
        scaled: np.ndarray = (plane - low) / max(high - low, 1e-9)
        return scaled


def as_plane(array: np.ndarray) -> np.ndarray:
    """The two axes of an array that are longest, the others being single voxels."""
    while array.ndim > 2:
        array = array.take(0, axis=int(np.argmin(array.shape)))
    return array
