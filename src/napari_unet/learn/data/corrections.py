"""Labels and how far each voxel of them is trusted: what a training learns from, and what may judge
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.head import CLASS_DTYPE, CLASS_NUMBERS
from napari_unet.words import plural

if TYPE_CHECKING:
    from napari_unet.scans.scan import Scan


UNTRUSTED = 0
PAINTED = 1
REVIEWED = 2
# What is learnt are the numbers of classes, for which a byte is enough. A task with other labels
# has to make classes of them, such as "inside" and "edge", before they come here.
IGNORE = CLASS_NUMBERS - 1  # label of a voxel that teaches nothing
LEARNT_DTYPE = np.dtype(CLASS_DTYPE)
TRUST_DTYPE = np.dtype(np.uint8)  # of the three numbers above
COUNTED_AT_ONCE = 2**22  # voxels; counting takes 8 bytes for each

NOTHING_TRUSTED = (
    "Nothing is trusted yet. "
    "Paint over what is wrong, or say that a slice is right, and begin again."
)


@dataclass(frozen=True)
class Corrections:
    """Labels and their trust (0 untrusted, 1 painted, 2 reviewed), both of the scan's result shape.

    Those of a training are the numbers of classes (`LEARNT_DTYPE`).
    """

    labels: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True)
class Amount:
    """How much is trusted: slices with any of it, voxels, and voxels per label."""

    slices: int
    voxels: int
    labels: dict[int, int]


def trust_of_changes(labels: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The trust of each voxel of which nothing is known but its label now and before: painted where
    that changed.
    """
    return np.asarray(labels != before).astype(TRUST_DTYPE) * TRUST_DTYPE.type(PAINTED)


def amount(corrections: Corrections, axes: str) -> Amount:
    """Count what is trusted; `axes` are the letters of the arrays."""
    in_plane = tuple(number for number, letter in enumerate(axes) if letter in "yx")
    counts = label_counts(corrections)
    slices = int(np.count_nonzero(corrections.trust.any(axis=in_plane)))
    per_label = {int(label): int(counts[label]) for label in np.flatnonzero(counts)}
    return Amount(slices, int(counts.sum()), per_label)


def summary(corrections: Corrections, axes: str, names: Sequence[str]) -> str:
    """How much is trusted, in one line: "3 slices, 41,200 voxels, classes axon, myelin"."""
    return summary_of_amount(amount(corrections, axes), len(axes) > 2, names)


def summary_of_amount(found: Amount, has_slices: bool, names: Sequence[str]) -> str:
    """That line for an amount that was counted before; the background is not named."""
    if not found.voxels:
        return "nothing trusted yet"
    slices = [plural(found.slices, "slice")] if has_slices else []
    voxels = plural(found.voxels, "voxel" if has_slices else "pixel")
    classes = [
        names[label] if label < len(names) else f"label {label}"
        for label in sorted(found.labels)
        if label
    ]
    noun = "classes" if len(classes) > 1 else "class"
    which = f"{noun} {', '.join(classes)}" if classes else "background only"
    return ", ".join([*slices, voxels, which])


def checked(scan: "Scan", labels: Any, trust: Any | None, classes: Sequence[str]) -> Corrections:
    """What can be learnt from labels of a scan; `trust` None says that all of them are reviewed.

    `classes` are the names by label. Voxels that are not trusted get label 0. Raises `ScanError`
    with one sentence for labels of another shape or kind, labels beyond the classes, and where
    nothing is trusted.
    """
    labels = whole_numbers(labels, "labels")
    trust = np.full(labels.shape, REVIEWED, TRUST_DTYPE) if trust is None else _trust_values(trust)
    for name, array in (("labels have", labels), ("trust mask has", trust)):
        if array.shape != scan.result_shape:
            raise ScanError(
                f"The {name} the shape {array.shape}, the image {scan.result_shape}. "
                "Both must be the same."
            )
    if not trust.any():
        raise ScanError(NOTHING_TRUSTED)
    check_labels(labels[trust != UNTRUSTED], min(len(classes), IGNORE))
    return Corrections(np.where(trust != UNTRUSTED, labels, 0).astype(LEARNT_DTYPE), trust)


def check_classes(items: Sequence[Corrections], classes: Sequence[str]) -> None:
    """Raise `ScanError` where all that is trusted, of all the images together, is of one class."""
    found = {int(label) for item in items for label in np.flatnonzero(label_counts(item))}
    if not found:
        raise ScanError(NOTHING_TRUSTED)
    if len(found) == 1:
        raise ScanError(
            f"All trusted voxels are of one class, {classes[found.pop()]}; "
            "learning needs at least two. "
            "Paint some of another class too, or say that a slice is right."
        )


def check_labels(trusted: np.ndarray, classes: int) -> None:
    """Raise `ScanError` for trusted labels that are none of the classes."""
    if not trusted.size:
        return
    low = int(trusted.min())
    high = int(trusted.max())
    if low < 0:
        raise ScanError(
            f"The labels go down to {low}, but classes count from 0. "
            "Give these voxels a label of 0 or more."
        )
    if high >= classes:
        raise ScanError(
            f"The labels go up to {high}, but there are {classes} classes, 0 to {classes - 1}. "
            "Add a class, or paint these voxels with a label that has one."
        )


def label_counts(corrections: Corrections) -> np.ndarray:
    """Trusted voxels of each class number, counted slab by slab so that a large scan takes no
    memory.
    """
    labels = corrections.labels
    trust = corrections.trust
    if labels.size <= COUNTED_AT_ONCE or labels.ndim == 1:
        trusted = labels[trust != UNTRUSTED].astype(LEARNT_DTYPE, copy=False)
        return np.bincount(trusted, minlength=CLASS_NUMBERS)
    slabs = (label_counts(Corrections(*pair)) for pair in zip(labels, trust, strict=True))
    return np.asarray(sum(slabs, np.zeros(CLASS_NUMBERS, np.int64)))


def whole_numbers(array: Any, what: str) -> np.ndarray:
    """An array of whole numbers as it is, of booleans as 0 and 1; raises `ScanError` for any other
    kind.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "bui":
        raise ScanError(
            f"The {what} hold {values.dtype} values; expected whole numbers, one for each class. "
            "Convert them first."
        )
    return values.view(LEARNT_DTYPE) if values.dtype.kind == "b" else values


def _trust_values(array: Any) -> np.ndarray:
    trust = whole_numbers(array, "values of the trust mask")
    if trust.size and (int(trust.min()) < UNTRUSTED or int(trust.max()) > REVIEWED):
        raise ScanError(
            f"The trust mask holds values from {trust.min()} to {trust.max()}; "
            "expected 0 (not trusted), 1 (painted) and 2 (reviewed). "
            "Save it with these."
        )
    return trust.astype(TRUST_DTYPE, copy=False)
