"""Score labels against the truth: every measure, every class, and the mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from napari_unet.errors import Cancelled, SettingsError
from napari_unet.measure.label_pair import LabelPair, pair_labels
from napari_unet.measure.metrics import LABEL_VALUES, Overlap, confusion, overlap_of
from napari_unet.measure.surface import (
    NO_SURFACES,
    Box,
    SurfaceDistances,
    diagonal,
    distances_between,
    joint_box,
)
from napari_unet.progress import (
    Clock,
    GetControl,
    OnProgress,
    Progress,
    always_continue,
    ignore,
    should_stop,
)
from napari_unet.scans.scan import Scan

MEAN = "mean"
MEASURES = ("dice", "iou", "precision", "recall", "hd95", "average_surface_distance")


def evaluate(
    prediction: Any,
    truth: Any,
    *,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    classes: Sequence[str] | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> dict[str, Any]:
    """Score a segmentation against the truth.

    Parameters
    ----------
    prediction, truth : numpy, dask or zarr array, or a `Scan`
        Labels of one shape, whole numbers from 0 (background) to 255, or boolean. 2D to 6D.
    axes : str, optional
        One letter per axis of "tzyx"; without it, the last axes are z, y, x. Surfaces are those of
        each image or volume, and never reach from one point in time to the next.
    spacing : sequence of float, optional
        Voxel size in µm, one number per spatial axis in the order of `axes`; a `Scan` brings its
        own.
    classes : sequence of str, optional
        Names by label, that of the background first. Without it, the classes are the labels that
        either has, named by their numbers.
    on_progress, control : callables, optional
        Called after, and before, each class of each image or volume.

    Returns
    -------
    scores : dict
        "dice", "iou", "precision", "recall" (0 to 1), and "hd95", "average_surface_distance" (in
        "unit"), each a dict of the classes' scores and their "mean", the background left out;
        "spacing" along z, y, x, and "unit": "um", or "pixel" where the voxel size is unknown;
        "notes", sentences about the labels, such as which numbers were read as which classes. A
        class that neither has scores 1 and distance 0, since they agree; one that only one of them
        has scores 0, and its distances there are the diagonal of the image, longer than any real
        one, so that a mean stays a number. Without any class, the mean is that of a class that
        neither has.

    Raises
    ------
    ScanError
        The two are not labels of one shape, axes and spacing.
    SettingsError
        The names of the classes do not fit the labels.
    Cancelled
        `control` answered STOP or CANCEL.

    Notes
    -----
    HD95 is the larger of the two directions' 95th percentiles, over the surface voxels of all
    frames; the average surface distance is the mean over the surface voxels of both (Heimann
    et al., IEEE TMI 28:1251, 2009). A surface voxel has a face neighbour outside of its class, or
    beyond the image.
    """
    pair = pair_labels(prediction, truth, axes, spacing)
    matrix = confusion(pair.prediction, pair.truth)
    names = _names(matrix, classes)
    distances = _all_distances(pair, list(names), on_progress, control)
    rows = {
        name: _scores(overlap_of(matrix, label), distances[label]) for label, name in names.items()
    }
    means = _means(list(rows.values()) or [_scores(Overlap(0, 0, 0), NO_SURFACES)])
    by_class: dict[str, Any] = {
        key: {name: row[key] for name, row in (rows | {MEAN: means}).items()} for key in MEASURES
    }
    notes = [
        note
        for name, labels in (("Prediction", prediction), ("Truth", truth))
        if isinstance(labels, Scan)
        for note in labels.named_notes(name)
    ]
    return by_class | {"spacing": list(pair.spacing), "unit": pair.unit, "notes": notes}


def _names(matrix: np.ndarray, classes: Sequence[str] | None) -> dict[int, str]:
    """The name of each label to be scored."""
    present = matrix.any(axis=0) | matrix.any(axis=1)
    found = [int(label) for label in np.flatnonzero(present) if label]
    if classes is None:
        return {label: str(label) for label in found}
    if isinstance(classes, str) or not 2 <= len(classes) <= LABEL_VALUES:
        raise SettingsError(
            f"The classes {classes!r} are not 2 to {LABEL_VALUES} names. Give one for each "
            "label, the background's first."
        )
    if len({*classes, MEAN}) <= len(classes):
        raise SettingsError(
            f"Among the classes {list(classes)} a name stands twice, or is {MEAN!r}. "
            "Give each a name of its own."
        )
    if found and found[-1] >= len(classes):
        raise SettingsError(
            f"The label {found[-1]} has no name: {len(classes)} classes were given, for the "
            "labels from 0. Name it too."
        )
    return dict(enumerate(classes[1:], start=1))


def _all_distances(
    pair: LabelPair, labels: Sequence[int], on_progress: OnProgress, control: GetControl
) -> dict[int, SurfaceDistances]:
    """The surface distances of each label, those of all frames together."""
    parts: dict[int, list[SurfaceDistances]] = {label: [] for label in labels}
    total = len(pair.truth) * len(labels)
    clock = Clock()
    for frame, (found, wanted) in enumerate(zip(pair.prediction, pair.truth, strict=True)):
        found_boxes = ndimage.find_objects(found, LABEL_VALUES - 1)
        wanted_boxes = ndimage.find_objects(wanted, LABEL_VALUES - 1)
        for number, label in enumerate(labels, start=1):
            if should_stop(control):
                raise Cancelled("Stopped; scores of a part of the labels would be none.")
            boxes = (found_boxes[label - 1], wanted_boxes[label - 1])
            parts[label].append(_distances(found, wanted, label, boxes, pair.spacing))
            done = frame * len(labels) + number
            on_progress(Progress(done, total, "surfaces", clock.seconds_left(done, total)))
    return {label: _together(frames) for label, frames in parts.items()}


def _distances(
    found: np.ndarray,
    wanted: np.ndarray,
    label: int,
    boxes: tuple[Box | None, Box | None],
    spacing: Sequence[float],
) -> SurfaceDistances:
    box = joint_box(*boxes)
    if box is None:
        return NO_SURFACES
    return distances_between(
        found[box] == label, wanted[box] == label, spacing, diagonal(found.shape, spacing)
    )


def _together(frames: Sequence[SurfaceDistances]) -> SurfaceDistances:
    return SurfaceDistances(
        np.concatenate([f.from_prediction for f in frames]),
        np.concatenate([f.from_truth for f in frames]),
    )


def _scores(overlap: Overlap, distances: SurfaceDistances) -> dict[str, float]:
    values = (
        overlap.dice,
        overlap.iou,
        overlap.precision,
        overlap.recall,
        distances.percentile(),
        distances.average(),
    )
    return dict(zip(MEASURES, values, strict=True))


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows])) for key in MEASURES}
