"""What a training sees of a scan: frames on the model's grid, normalised as when it is segmented."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.resample import AxisMap, axis_maps, resample_frame
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.normalize import frame_statistics, normalize
from napari_unet.segment.settings import SegmentSettings

IGNORE = 255
MOST_UNTRUSTED = 16  # frames of a scan without any trusted voxel that a guard is shown

Prior = np.ndarray | Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Example:
    """One frame: `image` (channels, *frame) float32 and `labels` (*frame) uint8, where 255 teaches nothing.

    `prior` (K or 1, *frame) float16 holds the parent's probabilities, for the guard against forgetting; NaN guards nothing.
    `weight` (*frame) float32 says how much each voxel counts in the cross-entropy. `spacing` is the size of a voxel
    per axis, of which only the proportions matter; None: as long as wide.
    """

    image: np.ndarray
    labels: np.ndarray
    prior: np.ndarray | None = None
    weight: np.ndarray | None = None
    spacing: tuple[float, ...] | None = None


def examples_of(
    scan: Scan,
    labels: np.ndarray,
    spec: ModelSpec,
    trust: np.ndarray | None = None,
    prior: Prior | None = None,
    *,
    others: int | None = None,
) -> list[Example]:
    """The frames of a scan that teach, with their labels; labels and trust are of the scan's result shape.

    Voxels that are not trusted, or whose intensity is not finite, teach nothing, and frames without any other are
    left out, but for as many `others`, evenly chosen, as a guard is to be shown: none, or a few where there is a
    prior. `prior` is the parent's probabilities, (K or 1, *result shape), or what gives (K or 1, *frame) for an
    example's image. Raises `ScanError` for labels of another shape or beyond the model's classes.
    """
    if labels.shape != scan.result_shape:
        raise ScanError(f"The labels have the shape {labels.shape}, the image {scan.result_shape}. Both must be the same.")
    if labels.max() >= len(spec.classes):
        raise ScanError(f"The labels go up to {labels.max()}, but the model has {len(spec.classes)} classes, 0 to {len(spec.classes) - 1}.")
    whole = tuple(slice(0, n) for n in scan.frame_shape(spec.architecture.dimensions))
    most = others if others is not None else MOST_UNTRUSTED * (prior is not None)
    frames = _teaching(scan, trust, whole, most)
    return [_example(scan, frame, _truth(scan, frame, labels, trust), spec, prior) for frame in frames]


def _teaching(scan: Scan, trust: np.ndarray | None, whole: Slices, most_others: int) -> Iterator[Index]:
    """The frames with trusted voxels, and evenly some of the others, in order."""
    frames = list(scan.frames(len(whole)))
    trusted = [trust is None or bool(trust[scan.place(frame, whole)].any()) for frame in frames]
    others = np.flatnonzero(~np.array(trusted))
    kept = np.linspace(0, len(others) - 1, min(len(others), most_others)).round().astype(int)
    shown = {int(n) for n in others[kept]}
    return (frame for number, frame in enumerate(frames) if trusted[number] or number in shown)


def _truth(scan: Scan, frame: Index, labels: np.ndarray, trust: np.ndarray | None) -> np.ndarray:
    """The labels of one frame, IGNORE where they are not trusted: no other frame is copied."""
    whole = tuple(slice(0, n) for n in scan.frame_shape(labels.ndim - len(frame)))
    place = scan.place(frame, whole)
    truth = labels[place].astype(np.uint8, copy=False)
    truth = truth if trust is None else np.where(trust[place], truth, np.uint8(IGNORE))
    return _in_frame_order(scan, truth, len(whole))


def _example(scan: Scan, frame: Index, truth: np.ndarray, spec: ModelSpec, prior: Prior | None) -> Example:
    dimensions = spec.architecture.dimensions
    whole = tuple(slice(0, n) for n in scan.frame_shape(dimensions))
    image, bad = normalize(scan.read(frame, whole), frame_statistics(scan, dimensions, frame, spec.normalization))
    truth = truth if bad is None else np.where(bad, np.uint8(IGNORE), truth)
    spacing, wanted = scan.frame_spacing(dimensions), wanted_spacing(spec, scan, SegmentSettings())
    maps = axis_maps(truth.shape, spacing, wanted)
    image = resample_frame(image, maps)
    known = None if prior is None else _prior(scan, frame, image, maps, prior)
    return Example(image, _on_model_grid(truth, maps), known, None, spacing if wanted is None else wanted)


def _prior(scan: Scan, frame: Index, image: np.ndarray, maps: Sequence[AxisMap], prior: Prior) -> np.ndarray:
    if callable(prior):
        return np.asarray(prior(image), np.float16)
    whole = tuple(slice(0, m.length) for m in maps)
    parts = [_in_frame_order(scan, channel[scan.place(frame, whole)], len(maps)) for channel in prior]
    return resample_frame(np.stack(parts).astype(np.float32), maps).astype(np.float16)


def _in_frame_order(scan: Scan, part: np.ndarray, dimensions: int) -> np.ndarray:
    frame = scan.frame_axes(dimensions)
    own = [a for a in scan.result_axes if a in frame]
    return part.transpose([own.index(a) for a in frame])


def _on_model_grid(labels: np.ndarray, maps: Sequence[AxisMap]) -> np.ndarray:
    """Each voxel from the nearest one; where that is not trusted, from any trusted one inside: thin strokes stay."""
    if all(m.same for m in maps):
        return np.ascontiguousarray(labels)
    centres = [np.minimum(((np.arange(m.model_length) + 0.5) * m.factor).astype(np.intp), m.length - 1) for m in maps]
    nearest = labels[np.ix_(*centres)]
    inside = labels + np.uint8(1)  # IGNORE becomes 0, below every class
    for axis, m in enumerate(maps):
        if m.factor > 1:
            inside = np.maximum.reduceat(inside, (np.arange(m.model_length) * m.factor + 1e-6).astype(np.intp), axis=axis)
        else:
            inside = inside.take(centres[axis], axis)
    return np.ascontiguousarray(np.where(nearest == IGNORE, inside - np.uint8(1), nearest))
