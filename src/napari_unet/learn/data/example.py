"""Scans with trusted labels become training examples: frames on the model's grid, normalised as
when they are segmented.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.learn.data.crop import Crop, around, bounding_box
from napari_unet.learn.data.item import Box, in_frame
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.resample import axis_maps
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics import frame_statistics
from napari_unet.segment.tiles.normalize import normalize

IGNORE = 255
MOST_UNTRUSTED = 16  # frames of a scan without any trusted voxel that a guard is shown


@dataclass(frozen=True)
class Example:
    """One frame, or a part of it: `image` (channels, *frame) float32 and `labels` (*frame) uint8,
    where 255 teaches nothing.

    `prior` (K or 1, *frame) float16 holds the parent's probabilities, for the guard against
    forgetting; NaN guards nothing. `weight` (*frame) float32 says how much each voxel counts in the
    cross-entropy. `spacing` is the size of a voxel per axis, of which only the proportions matter;
    None: as long as wide. `guard` is how much the prior counts.
    """

    image: np.ndarray
    labels: np.ndarray
    prior: np.ndarray | None = None
    weight: np.ndarray | None = None
    spacing: tuple[float, ...] | None = None
    guard: float = 1.0


@dataclass(frozen=True)
class Extent:
    """How much of a scan is kept: `reach` model voxels around what teaches in a frame (None: all of
    the frame).

    Where there is a guard, `guarded` is how many voxels of each frame it is shown at least, and
    `others` how many frames, evenly chosen, in which nothing teaches.
    """

    reach: int | None = None
    guarded: int = 0
    others: int = 0


def examples_of(
    scan: Scan,
    labels: np.ndarray,
    spec: ModelSpec,
    trust: np.ndarray | None = None,
    *,
    walls: Sequence[Box] = (),
    extent: Extent | None = None,
) -> list[Example]:
    """The frames of a scan that teach, with their labels; labels and trust are of the scan's result
    shape.

    Voxels that are not trusted, that lie in `walls`, or whose intensity is not finite, teach
    nothing, and frames without any other are left out, but for those that a guard is shown; its
    prior is NaN within the walls. Statistics are those of whole frames. Raises `ScanError` for
    labels of another shape or beyond the model's classes.
    """
    if labels.shape != scan.result_shape:
        raise ScanError(
            f"The labels have the shape {labels.shape}, the image {scan.result_shape}. Both must be the same."
        )
    if labels.max() >= len(spec.classes):
        raise ScanError(
            f"The labels go up to {labels.max()}, but the model has {len(spec.classes)} classes, 0 to {len(spec.classes) - 1}."
        )
    maker = _Maker(scan, labels, spec, trust, walls, extent or Extent())
    return [maker.example(frame) for frame in maker.frames()]


@dataclass(frozen=True)
class _Maker:
    """Makes examples of one scan, frame by frame: no array of the scan's size is made."""

    scan: Scan
    labels: np.ndarray
    spec: ModelSpec
    trust: np.ndarray | None
    walls: Sequence[Box]
    extent: Extent

    def frames(self) -> list[Index]:
        """The frames that teach, and evenly some of the others, in order."""
        frames = list(self.scan.frames(self._dimensions))
        teach = [bool((self._truth(frame) != IGNORE).any()) for frame in frames]
        others = np.flatnonzero(~np.array(teach))
        kept = (
            np.linspace(0, len(others) - 1, min(len(others), self.extent.others))
            .round()
            .astype(int)
        )
        shown = {int(n) for n in others[kept]}
        return [frame for number, frame in enumerate(frames) if teach[number] or number in shown]

    def example(self, frame: Index) -> Example:
        """One frame, cropped to what is needed of it."""
        spacing = self.scan.frame_spacing(self._dimensions)
        wanted = wanted_spacing(self.spec, self.scan, SegmentSettings())
        truth = self._truth(frame)
        maps = axis_maps(truth.shape, spacing, wanted)
        crop = around(bounding_box(truth != IGNORE), maps, self.extent.reach, self.extent.guarded)
        statistics = frame_statistics(self.scan, self._dimensions, frame, self.spec.normalization)
        image, bad = normalize(self.scan.read(frame, crop.read), statistics)
        if bad is not None:
            truth = truth.copy()
            truth[crop.read][bad] = IGNORE
        labels = _on_model_grid(truth, crop)
        prior = self._prior(frame, crop)
        return Example(
            crop.image(image), labels, prior, None, spacing if wanted is None else wanted
        )

    @property
    def _dimensions(self) -> int:
        return self.spec.architecture.dimensions

    def _truth(self, frame: Index) -> np.ndarray:
        """The labels of one frame, IGNORE where they teach nothing."""
        place = self.scan.place(
            frame, tuple(slice(0, n) for n in self.scan.frame_shape(self._dimensions))
        )
        truth = self.labels[place].astype(np.uint8, copy=False)
        truth = (
            truth if self.trust is None else np.where(self.trust[place], truth, np.uint8(IGNORE))
        )
        truth = self._in_frame_order(truth)
        parts = self._walls_in(frame)
        truth = truth.copy() if parts else truth
        for part in parts:
            truth[part] = IGNORE
        return truth

    def _prior(self, frame: Index, crop: Crop) -> np.ndarray | None:
        """NaN where no guard may pull the child to the parent; None where there is no such place."""
        parts = self._walls_in(frame) if self.extent.guarded else []
        if not parts:
            return None
        prior = np.zeros((1, *crop.shape), np.float16)
        for part in parts:
            prior[0][crop.covering(part)] = np.nan
        return prior

    def _walls_in(self, frame: Index) -> list[Slices]:
        found = [in_frame(self.scan, frame, wall, self._dimensions) for wall in self.walls]
        return [part for part in found if part is not None]

    def _in_frame_order(self, part: np.ndarray) -> np.ndarray:
        axes = self.scan.frame_axes(self._dimensions)
        own = [a for a in self.scan.result_axes if a in axes]
        return part.transpose([own.index(a) for a in axes])


def _on_model_grid(labels: np.ndarray, crop: Crop) -> np.ndarray:
    """Each voxel from the nearest one; where that is not trusted, from any trusted one inside: thin
    strokes stay.
    """
    part = labels[crop.own]
    if all(m.same for m in crop.maps):
        return np.array(part, order="C")
    nearest = part[np.ix_(*crop.centres)]
    inside = part + np.uint8(1)  # IGNORE becomes 0, below every class
    for axis, (m, centres, edges) in enumerate(
        zip(crop.maps, crop.centres, crop.edges, strict=True)
    ):
        inside = (
            np.maximum.reduceat(inside, edges, axis=axis)
            if m.factor > 1
            else inside.take(centres, axis)
        )
    return np.ascontiguousarray(np.where(nearest == IGNORE, inside - np.uint8(1), nearest))
