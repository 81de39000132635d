"""Labels and trust masks as other programs write them: masks of 0 and 255 or of one bit, grey
levels, colours, whole numbers stored as real ones.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
LARGEST_LEVEL = 2**32
BLOCK_VOXELS = 2**22  # in memory at once
MOST_TRUST_LEVELS = 3
WHOLE = "The values are {}, and all of them whole: read as labels as they are."

NameLevels = Callable[[int], list[str]]  # what so many levels mean, in their order


def read_labels(
    paths: Sequence[str | Path],
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
) -> list[Scan]:
    """Open files of labels that belong together as `Scan`s of class numbers. A note says if they
    were other numbers.

    - In a file with a colour table, the labels are the numbers in it, not the colours.
    - Real numbers that are all whole are these whole numbers.
    - 0 and the largest value of the data type are background and class 1.
    - Up to 16 grey levels, evenly spaced and with 255 as the last, are classes in their order.
      Which levels there are is found over all files, so that a level is the same class in each.
    - Other numbers are labels as they are.

    Raises `ScanError` as `read_scan` does, and where grey levels of several files are not evenly
    spaced together.
    """
    return _read([read_scan(path, axes, spacing, labels=True) for path in paths], numbered_classes)


def read_trust(paths: Sequence[str | Path]) -> list[Scan]:
    """Open trust masks as `read_labels` opens labels: of two or three grey levels the lowest is not
    trusted, the next painted, the highest of three reviewed.
    """
    return _read([read_scan(path, labels=True) for path in paths], trust_names)


def numbered_classes(count: int) -> list[str]:
    """What so many grey levels mean in labels: background, class 1, class 2 …"""
    return ["background", *(f"class {number}" for number in range(1, count))]


def trust_names(count: int) -> list[str]:
    """What so many levels mean in a trust mask; nothing if they are too many."""
    return ["not trusted", "painted", "reviewed"][:count] if count <= MOST_TRUST_LEVELS else []


def _read(scans: Sequence[Scan], names: NameLevels) -> list[Scan]:
    scans = [_whole_numbers(scan, names) for scan in scans]
    found = [_grey_levels(scan) for scan in scans]
    levels = joint_levels(found)
    if levels is None or not names(len(levels)):
        return scans
    return [
        scan if own is None else _ranked(scan, levels, names)
        for scan, own in zip(scans, found, strict=True)
    ]


def _ranked(scan: Scan, levels: np.ndarray, names: NameLevels) -> Scan:
    ranked = RankedArray(scan.data, levels)
    return replace(scan, data=ranked, notes=(*scan.notes, note_on_levels(levels, names)))


def _whole_numbers(scan: Scan, names: NameLevels) -> Scan:
    """The scan with real numbers that are all whole as such, with a note; any other as it is."""
    dtype = np.dtype(scan.data.dtype)
    if dtype.kind != "f":
        return scan
    few = np.zeros(0)
    most = 0
    for region in _blocks(scan.data):
        part = np.asarray(scan.data[region])
        if not (np.isfinite(part).all() and (part == np.rint(part)).all() and part.min() >= 0):
            return scan
        most = max(most, int(part.max()))
        few = np.union1d(few, np.unique(part))[: MOST_LEVELS + 1]
    if most > np.iinfo(np.uint16).max:
        return scan
    whole = replace(scan, data=WholeArray(scan.data, np.min_scalar_type(most)))
    if _grey_levels(whole) is not None:
        return whole  # the note is on its levels
    named = names(len(few)) if np.array_equal(few, np.arange(len(few))) else []
    note = note_on_levels(few.astype(int), names) if named else WHOLE.format(dtype)
    return replace(whole, notes=(*scan.notes, note))


class WholeArray:
    """An array of real numbers, all of them whole, that are read as such."""

    def __init__(self, array: Any, dtype: np.dtype) -> None:
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = dtype
        self.ndim = len(self.shape)
        self.chunks: tuple[int, ...] = tuple(getattr(array, "chunks", None) or self.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self._array[index]).astype(self.dtype)


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
    """The grey levels of a mask; None if its values are the labels themselves.

    Most labels are known by their first foreground: a grey level is far from 0.
    """
    dtype = np.dtype(scan.data.dtype)
    if dtype.kind not in "ui":
        return None
    found = np.zeros(1, np.int64)
    for region in _blocks(scan.data):
        found = np.union1d(found, np.unique(np.asarray(scan.data[region])).astype(np.int64))
        if not _may_be_levels(found):
            return None
    return levels_among(found.tolist(), np.iinfo(dtype).max)


def levels_among(values: Iterable[int], most: int) -> np.ndarray | None:
    """The different values of a mask and 0, in order, if they are grey levels, None if they are
    labels; `most` is the largest value of their data type.
    """
    few = sorted({0, *values})
    if len(few) > MOST_LEVELS or few[-1] not in (255, most) or few[-1] > LARGEST_LEVEL:
        return None
    found = np.array(few, np.int64)
    return found if _may_be_levels(found) and _are_even(found) else None


def joint_levels(found: Iterable[np.ndarray | None]) -> np.ndarray | None:
    """The grey levels of several masks together, None where none has any; raises `ScanError` where
    they are not evenly spaced.
    """
    known = [levels for levels in found if levels is not None]
    if not known:
        return None
    levels: np.ndarray = np.unique(np.concatenate(known))
    if not _are_even(levels):
        raise ScanError(
            f"The masks have the grey levels {all_of(map(str, levels))}, which are not evenly "
            "spaced, so it is not known which of them means what. Save them as 0, 1, 2 …"
        )
    return levels


def _may_be_levels(values: np.ndarray) -> bool:
    """Whether different values, 0 and more in order, may be grey levels rather than labels."""
    few = values[0] >= 0 and len(values) <= MOST_LEVELS
    return bool(few and not 0 < values[1:2].sum() < LEAST_LEVEL)


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


def note_on_levels(levels: np.ndarray, names: NameLevels) -> str:
    """Which values were read as what: "2 values, 0 and 255: read as background and class 1."."""
    return (
        f"{len(levels)} values, {all_of(str(value) for value in levels)}: "
        f"read as {all_of(names(len(levels)))}."
    )
