"""From a scan and its labels to examples: frames on the model's grid, normalised as when they are
segmented.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.learn.data.boxes import bounding_box
from napari_unet.learn.data.corrections import IGNORE, LEARNT_DTYPE
from napari_unet.learn.data.crop import Crop, crop_around
from napari_unet.learn.data.evenly import evenly_chosen
from napari_unet.learn.data.example import Example, Extent
from napari_unet.learn.data.item import ItemBox, box_in_frame, in_frame_order
from napari_unet.learn.data.normalised import NormalisedScan
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.resample import axis_maps
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.settings import SegmentSettings


def examples_of(
    scan: Scan,
    labels: np.ndarray,
    spec: ModelSpec,
    trust: np.ndarray | None = None,
    *,
    excluded: Sequence[ItemBox] = (),
    extent: Extent | None = None,
    normalised: NormalisedScan | None = None,
) -> list[Example]:
    """The frames of a scan that teach, with their labels; labels and trust are of the scan's result
    shape.

    Voxels teach nothing where they are not trusted, where they lie in an `excluded` box, or where
    there is no image. Frames without any other voxel are left out, but for those that `extent` adds
    for a guard, whose targets are NaN in the excluded boxes. Intensities are those of `normalised`,
    if given: the same scan, with statistics that may be known. Raises `ScanError` for labels of
    another shape or beyond the model's classes.
    """
    if labels.shape != scan.result_shape:
        raise ScanError(
            f"The labels have the shape {labels.shape}, the image {scan.result_shape}. "
            "Both must be the same."
        )
    if labels.max() >= len(spec.classes):
        raise ScanError(
            f"The labels go up to {labels.max()}, but the model has {len(spec.classes)} classes, "
            f"0 to {len(spec.classes) - 1}."
        )
    normalised = normalised or NormalisedScan(scan, spec)
    maker = _Maker(normalised, labels, spec, trust, excluded, extent or Extent())
    return [maker.example(frame) for frame in maker.frames()]


@dataclass(frozen=True)
class _Maker:
    """Makes examples of one scan, frame by frame: no array of the scan's size is made."""

    normalised: NormalisedScan
    labels: np.ndarray
    spec: ModelSpec
    trust: np.ndarray | None
    excluded: Sequence[ItemBox]
    extent: Extent

    def frames(self) -> list[Index]:
        """The frames that teach, and evenly some of the others, in order."""
        frames = list(self.scan.frames(self._dimensions))
        teach = [bool((self._truth(frame) != IGNORE).any()) for frame in frames]
        others = [n for n in range(len(frames)) if not teach[n]]
        added = set(evenly_chosen(others, self.extent.other_frames))
        return [frame for n, frame in enumerate(frames) if teach[n] or n in added]

    def example(self, frame: Index) -> Example:
        """One frame, cropped to what is needed of it."""
        spacing = self.scan.frame_spacing(self._dimensions)
        wanted = wanted_spacing(self.spec, self.scan, SegmentSettings())
        truth = self._truth(frame)
        maps = axis_maps(truth.shape, spacing, wanted)
        trusted = bounding_box(truth != IGNORE)
        crop = crop_around(trusted, maps, self.extent.reach, self.extent.guarded_voxels)
        image, without_image = self.normalised.read(frame, crop.read)
        if without_image is not None:
            truth = truth.copy()
            truth[crop.read][without_image] = IGNORE
        return Example(
            crop.image(image),
            _on_model_grid(truth, crop),
            self._targets(frame, crop),
            spacing=spacing if wanted is None else wanted,
        )

    @property
    def scan(self) -> Scan:
        """The scan itself."""
        return self.normalised.scan

    @property
    def _dimensions(self) -> int:
        return self.spec.architecture.dimensions

    def _truth(self, frame: Index) -> np.ndarray:
        """The labels of one frame, IGNORE where they teach nothing."""
        whole = tuple(slice(0, n) for n in self.scan.frame_shape(self._dimensions))
        index = self.scan.result_index(frame, whole)
        truth = self.labels[index].astype(LEARNT_DTYPE, copy=False)
        if self.trust is not None:
            truth = np.where(self.trust[index], truth, truth.dtype.type(IGNORE))
        truth = in_frame_order(self.scan, truth, self._dimensions)
        parts = self._excluded_in(frame)
        truth = truth.copy() if parts else truth  # without a copy it may still be the user's array
        for part in parts:
            truth[part] = IGNORE
        return truth

    def _targets(self, frame: Index, crop: Crop) -> np.ndarray | None:
        """NaN where no guard may pull the child to the parent; None where it may everywhere."""
        parts = self._excluded_in(frame) if self.extent.guarded_voxels else []
        if not parts:
            return None
        targets = np.zeros((1, *crop.shape), np.float16)
        for part in parts:
            targets[0][crop.covering(part)] = np.nan
        return targets

    def _excluded_in(self, frame: Index) -> list[Slices]:
        found = [box_in_frame(self.scan, frame, box, self._dimensions) for box in self.excluded]
        return [part for part in found if part is not None]


def _on_model_grid(labels: np.ndarray, crop: Crop) -> np.ndarray:
    """Each voxel from the nearest one; where that is not trusted, from any trusted one inside, so
    that thin strokes are not lost.
    """
    part = labels[crop.own]
    if all(m.same for m in crop.maps):
        return np.array(part, order="C")
    nearest = part[np.ix_(*crop.centres)]
    one = part.dtype.type(1)
    inside = part + one  # IGNORE becomes 0, below every class, so the maximum is trusted
    for axis, (m, centres, edges) in enumerate(
        zip(crop.maps, crop.centres, crop.edges, strict=True)
    ):
        if m.factor > 1:
            inside = np.maximum.reduceat(inside, edges, axis=axis)
        else:
            inside = inside.take(centres, axis)
    return np.ascontiguousarray(np.where(nearest == IGNORE, inside - one, nearest))
