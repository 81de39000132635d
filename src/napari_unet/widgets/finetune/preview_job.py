"""The part of the image in view as two models segment it, computed in the worker's thread between
the steps of a training.
"""

from typing import TYPE_CHECKING

import numpy as np

from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.scan import Scan
from napari_unet.widgets.finetune.fields.preview import PreviewPart
from napari_unet.widgets.finetune.order import PreviewRegion

if TYPE_CHECKING:
    from napari_unet.model.model import Model


class PreviewJob:
    """Predicts the region in view; used in the worker's thread alone."""

    def __init__(self, scan: Scan, parent: "Model | None", training: TrainSettings) -> None:
        self._scan = scan
        self._parent = parent
        self._training = training
        self._known: PreviewRegion | None = None
        self._image = np.zeros((1, 1))
        self._before = np.zeros((1, 1))

    def part(self, model: "Model", view: PreviewRegion) -> PreviewPart:
        """The region in view, with the labels of the parent (computed once) and of `model`."""
        if view != self._known:
            self._image = self._plane_of_image(view)
            if self._parent is not None:
                self._before = self._labels(self._parent, view)
            self._known = view
        return PreviewPart(
            self._image,
            self._before if self._parent is not None else None,
            self._labels(model, view),
        )

    def _labels(self, model: "Model", view: PreviewRegion) -> np.ndarray:
        from napari_unet.segment.job import plan_job
        from napari_unet.segment.run import segment_region
        from napari_unet.segment.settings import SegmentSettings

        # each model is run once, for which compiling it by another engine would not pay
        settings = SegmentSettings(
            device=self._training.device,
            engine="torch",
            empty_borders=self._training.empty_borders,
        )
        job = plan_job(model.spec, self._scan, settings, [view.frame], view.region)
        return as_plane(segment_region(model, job))

    def _plane_of_image(self, view: PreviewRegion) -> np.ndarray:
        from napari_unet.segment.statistics.no_data import usable

        part = self._scan.read(view.frame, view.region)
        mask = usable(part)
        channels = part if mask is None else np.where(mask, part, 0)
        plane = as_plane(channels.mean(axis=0, dtype=np.float64))
        low, high = np.percentile(plane, (1, 99.8))
        scaled: np.ndarray = (plane - low) / max(high - low, 1e-9)
        return scaled


def as_plane(array: np.ndarray) -> np.ndarray:
    """The two axes of an array that are longest, the others being single voxels."""
    while array.ndim > 2:
        array = array.take(0, axis=int(np.argmin(array.shape)))
    return array
