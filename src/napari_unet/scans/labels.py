"""Labels in files of other programs: masks of 0 and 255 or of one bit, grey levels, colours."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan
from napari_unet.words import all_of

MOST_LEVELS = 16  # with more values they are not grey levels for classes
BLOCK_VOXELS = 2**22  # in memory at once


def read_labels(
    path: str | Path, axes: str | None = None, spacing: Sequence[float] | None = None
) -> Scan:
    """Open a file of labels as a `Scan` of class numbers. A note says if they were other numbers.

    - In a file with a colour table, the labels are the numbers in it, not the colours.
    - 0 and the largest value of the data type are background and class 1.
    - Up to 16 grey levels, evenly spaced and with 255 as the last, are classes in their order.
    - Other numbers are labels as they are.

    Raises `ScanError` as `read_scan` does.
    """
    scan = read_scan(path, axes, spacing, labels=True)
    if np.dtype(scan.data.dtype).kind not in "bui":
        return scan
    levels = _levels(scan.data)
    if levels is None or not _are_grey(levels, np.dtype(scan.data.dtype)):
        return scan
    return replace(scan, data=RankedArray(scan.data, levels), notes=(*scan.notes, _note(levels)))


class RankedArray:
    """An array of few values, of which each is read as its number in their order."""

    def __init__(self, array: Any, levels: np.ndarray) -> None:
        self._array = array
        self._levels = levels
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(np.uint8)
        self.ndim = len(self.shape)
        self.chunks: tuple[int, ...] = tuple(getattr(array, "chunks", None) or self.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.searchsorted(self._levels, np.asarray(self._array[index])).astype(np.uint8)


def _levels(data: Any) -> np.ndarray | None:
    """The values in the data and 0, in order; None if there are many."""
    rows = max(1, BLOCK_VOXELS // max(1, int(np.prod(data.shape[1:]))))
    found = np.zeros(1, np.int64)
    for first in range(0, data.shape[0], rows):
        block = np.asarray(data[first : first + rows])
        found = np.union1d(found, np.unique(block).astype(np.int64))
        if len(found) > MOST_LEVELS:
            return None
    return found


def _are_grey(levels: np.ndarray, dtype: np.dtype) -> bool:
    """Whether the values are grey levels that stand for classes, not class numbers."""
    most = 1 if dtype.kind == "b" else np.iinfo(dtype).max
    if len(levels) < 2 or levels[0] < 0 or levels[-1] not in (255, most) or levels[-1] == 1:
        return False
    steps = np.diff(levels)
    return bool(steps.max() - steps.min() <= 1)


def _note(levels: np.ndarray) -> str:
    classes = [f"class {number}" for number in range(1, len(levels))]
    return (
        f"{len(levels)} values, {all_of(str(value) for value in levels)}: "
        f"read as {all_of(['background', *classes])}."
    )
