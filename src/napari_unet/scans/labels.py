"""Labels in files of other programs: masks of 0 and 255 or of one bit, grey levels, colours."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan
from napari_unet.words import all_of

MOST_LEVELS = 16  # with more values they are not grey levels for classes
LEAST_LEVEL = 255 // (MOST_LEVELS - 1)
BLOCK_VOXELS = 2**22  # in memory at once


def read_labels(
    paths: Sequence[str | Path],
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
) -> list[Scan]:
    """Open files of labels that belong together as `Scan`s of class numbers. A note says if they
    were other numbers.

    - In a file with a colour table, the labels are the numbers in it, not the colours. - 0 and the
    largest value of the data type are background and class 1. - Up to 16 grey levels, evenly spaced
    and with 255 as the last, are classes in their order. Which
      levels there are is found over all files, so that a level is the same class in each.
    - Other numbers are labels as they are.

    Raises `ScanError` as `read_scan` does, and where grey levels of several files are not evenly
    spaced together.
    """
    scans = [read_scan(path, axes, spacing, labels=True) for path in paths]
    found = [_grey_levels(scan) for scan in scans]
    known = [levels for levels in found if levels is not None]
    if not known:
        return scans
    levels = np.unique(np.concatenate(known))
    if not _are_even(levels):
        raise ScanError(
            f"The masks have the grey levels {all_of(map(str, levels))}, which are not evenly "
            "spaced, so it is not known which class each of them is. Save them as 0, 1, 2 …"
        )
    return [
        scan if own is None else _ranked(scan, levels)
        for scan, own in zip(scans, found, strict=True)
    ]


def _ranked(scan: Scan, levels: np.ndarray) -> Scan:
    ranked = RankedArray(scan.data, levels)
    return replace(scan, data=ranked, notes=(*scan.notes, _note(levels)))


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


def _grey_levels(scan: Scan) -> np.ndarray | None:
    """The values of a mask and 0, in order; None if they are the labels themselves.

    Most labels are known by their first foreground: a grey level is far from 0.
    """
    dtype = np.dtype(scan.data.dtype)
    if dtype.kind not in "ui":
        return None
    found = np.zeros(1, np.int64)
    for region in _blocks(scan.data):
        found = np.union1d(found, np.unique(np.asarray(scan.data[region])).astype(np.int64))
        if found[0] < 0 or len(found) > MOST_LEVELS or 0 < found[1:2].sum() < LEAST_LEVEL:
            return None
    return found if found[-1] in (255, np.iinfo(dtype).max) and _are_even(found) else None


def _blocks(data: Any) -> Iterator[tuple[slice, ...]]:
    """The chunks of an array that has any, else parts of it of some million voxels."""
    shape = tuple(data.shape)
    chunk = tuple(getattr(data, "chunks", None) or shape)
    if chunk == shape:
        rows = max(1, BLOCK_VOXELS // max(1, int(np.prod(shape[1:]))))
        chunk = (min(rows, shape[0]), *shape[1:])
    steps = [range(0, n, c) for n, c in zip(shape, chunk, strict=True)]
    for starts in product(*steps):
        yield tuple(slice(at, at + c) for at, c in zip(starts, chunk, strict=True))


def _are_even(levels: np.ndarray) -> bool:
    """Whether levels are evenly spaced from 0 on, up to rounding."""
    steps = np.diff(levels)
    return len(levels) > 1 and bool(steps.max() - steps.min() <= 1)


def _note(levels: np.ndarray) -> str:
    classes = [f"class {number}" for number in range(1, len(levels))]
    return (
        f"{len(levels)} values, {all_of(str(value) for value in levels)}: "
        f"read as {all_of(['background', *classes])}."
    )
