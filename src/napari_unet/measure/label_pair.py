"""A prediction and a truth on one grid, checked, before anything is measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.measure.metrics import LABEL_VALUES
from napari_unet.scans.scan import SPATIAL, Scan, scan_of

SPACING_TOLERANCE = 1e-3  # files round their spacing


@dataclass(frozen=True)
class LabelPair:
    """Labels of (frames, z, y, x) or (frames, y, x), uint8, 0 is background, and the size of their
    voxels.
    """

    prediction: np.ndarray
    truth: np.ndarray
    spacing: tuple[float, ...]
    unit: str


def pair_labels(
    prediction: Any, truth: Any, axes: str | None = None, spacing: Sequence[float] | None = None
) -> LabelPair:
    """Read both, and raise `ScanError` where they are not labels of one grid."""
    found = _scan(prediction, axes, spacing)
    wanted = _scan(truth, axes, spacing)
    _check_labels(found, "prediction")
    _check_labels(wanted, "truth")
    _check_grids(found, wanted)
    sizes, unit = _common_spacing(found, wanted)
    return LabelPair(_frames(found, "prediction"), _frames(wanted, "truth"), sizes, unit)


def _scan(labels: Any, axes: str | None, spacing: Sequence[float] | None) -> Scan:
    if not isinstance(labels, Scan):
        return scan_of(labels, axes, spacing)
    changes: dict[str, Any] = {} if axes is None else {"axes": axes}
    if spacing is not None:
        changes |= {"spacing": tuple(spacing), "unit": "um"}
    return replace(labels, **changes)


def _check_labels(scan: Scan, what: str) -> None:
    if "c" in scan.axes:
        raise ScanError(
            f"The {what} of shape {scan.shape} holds colours or channels (axes {scan.axes!r}); "
            "labels are one whole "
            "number for each voxel. Export it as grey, or name its axes if it has none of these."
        )
    if np.dtype(scan.data.dtype).kind != "f":
        return
    nans = int(np.count_nonzero(np.isnan(np.asarray(scan.data[...]))))
    also = f", {nans} of which are NaN" if nans else ""
    raise ScanError(
        f"The {what} holds {scan.data.dtype} values{also}; labels are whole numbers. Convert it, "
        "after rounding, to uint8."
    )


def _check_grids(found: Scan, wanted: Scan) -> None:
    if found.shape != wanted.shape:
        raise ScanError(
            f"The prediction's shape is {found.shape} and the truth's {wanted.shape}. "
            "Compare labels of one grid."
        )
    if found.axes != wanted.axes:
        raise ScanError(
            f"The prediction's axes are {found.axes!r} and the truth's {wanted.axes!r}. "
            "Name the axes that both have."
        )


def _common_spacing(found: Scan, wanted: Scan) -> tuple[tuple[float, ...], str]:
    """The spacing of whichever knows it, in the order z, y, x."""
    known = [scan for scan in (wanted, found) if scan.spacing_known]
    sizes = [scan.frame_spacing(len(scan.spatial_axes)) for scan in known or [wanted]]
    if len({scan.unit for scan in known}) > 1 or not _close(sizes[0], sizes[-1]):
        raise ScanError(
            f"The prediction's spacing is {found.spacing} {found.unit} and the truth's "
            f"{wanted.spacing} {wanted.unit}. Give the spacing that holds for both."
        )
    return sizes[0], (known or [wanted])[0].unit


def _close(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(
        math.isclose(a, b, rel_tol=SPACING_TOLERANCE) for a, b in zip(one, other, strict=True)
    )


def _frames(scan: Scan, what: str) -> np.ndarray:
    """The labels as (frames, *space), in C order."""
    values = np.asarray(scan.data[...])
    _check_range(values, what)
    space = [a for a in SPATIAL if a in scan.axes]
    grid = [a for a in scan.axes if a not in SPATIAL]
    ordered = values.transpose([scan.axes.index(a) for a in (*grid, *space)])
    shape = [scan.shape[scan.axes.index(a)] for a in space]
    return np.ascontiguousarray(ordered, np.uint8).reshape(-1, *shape)


def _check_range(values: np.ndarray, what: str) -> None:
    least = int(values.min())
    most = int(values.max())
    if least < 0:
        raise ScanError(
            f"The {what} holds the label {least}; labels begin at 0, the background. "
            "Give every voxel a class."
        )
    if most >= LABEL_VALUES:
        raise ScanError(
            f"The {what} holds the label {most}; classes are 1 to {LABEL_VALUES - 1}. "
            "Objects that have a number each can not be evaluated yet: "
            "compare masks of their class."
        )
