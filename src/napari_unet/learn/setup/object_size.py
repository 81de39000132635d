"""How large the labelled objects are: it decides the depth of a network, and how far apart parts
are that know nothing of each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.evenly import evenly_chosen
from napari_unet.learn.data.item import TrainItem

UNKNOWN_PX = 16.0
MEASURED_SLICES = 6
MEASURED_PX = 1024  # side of the part of a slice that is measured
LEAST_PIXELS = 10
ENOUGH_WHOLE = 3
LONGEST = 4.0  # a web or a fibre counts as no larger than so many times its thickness


@dataclass(frozen=True, order=True)
class _Object:
    """A labelled object in a slice."""

    diameter_px: float
    pixels: float
    whole: bool  # whether it lies wholly in what is trusted


def object_diameter_px(item: TrainItem) -> float:
    """The usual diameter of the objects of that class which has the largest, in pixels along x."""
    return max(object_diameters_px(item).values(), default=UNKNOWN_PX)


def object_diameters_px(item: TrainItem) -> dict[int, float]:
    """The usual diameter of each foreground class's objects, in pixels along x, as they appear in
    slices.

    Objects are connected components of trusted labels, as large as a disc of their area; the median
    is taken over their pixels, so that specks count little. Where enough of them lie wholly in what
    is trusted, only those count.
    """
    spacing = item.scan.frame_spacing(2)
    aspect = spacing[0] / spacing[1]
    found: dict[int, list[_Object]] = {}
    for labels in _slices(item):
        for label in np.unique(labels[labels > 0]):
            objects = _objects(labels == label, labels < 0, aspect)
            found.setdefault(int(label), []).extend(objects)
    return {label: _usual_diameter(objects) for label, objects in sorted(found.items()) if objects}


def _slices(item: TrainItem) -> Iterator[np.ndarray]:
    """Some slices with trusted pixels, -1 where they are not trusted."""
    frames = [
        frame
        for frame in item.frames(2)
        if item.trust is None or (item.trust_of(*frame) != UNTRUSTED).any()
    ]
    for frame, region in evenly_chosen(frames, MEASURED_SLICES):
        trusted = item.trust_of(frame, region) != UNTRUSTED
        window = _window(trusted)
        labels = item.labels_of(frame, region)[window].astype(np.int16)
        yield np.where(trusted[window], labels, np.int16(-1))


def _window(trusted: np.ndarray) -> tuple[slice, ...]:
    """The box around what is trusted, or its middle where it is large, with a pixel around it."""
    window: tuple[slice, ...] = ()
    for axis in range(2):
        lines = np.flatnonzero(trusted.any(axis=1 - axis))
        low = max(0, int(lines[0]) - 1)
        high = int(lines[-1]) + 2
        middle = int(lines[len(lines) // 2])
        half = MEASURED_PX // 2
        window = (*window, slice(max(low, middle - half), min(high, middle + half)))
    return window


def _objects(mask: np.ndarray, unknown: np.ndarray, aspect: float) -> list[_Object]:
    """The objects of a class in a slice whose pixels are `aspect` times as high as wide."""
    numbers, count = ndimage.label(mask)
    areas = np.bincount(numbers.ravel(), minlength=count + 1)
    cut = set[int]()
    if unknown.any():
        beside = ndimage.binary_dilation(unknown, iterations=1) & mask
        cut = set(numbers[beside].tolist())
    diameters = np.sqrt(4 * areas * aspect / math.pi)
    # the mean depth of a disc is a third of its radius, so that six times it is its diameter
    longest = LONGEST * 6 * _mean_depths(mask, numbers, areas, aspect)
    sizes = np.minimum(diameters, longest)
    return [
        _Object(float(sizes[n]), float(areas[n]), n not in cut)
        for n in range(1, count + 1)
        if areas[n] >= LEAST_PIXELS
    ]


def _mean_depths(
    mask: np.ndarray, numbers: np.ndarray, areas: np.ndarray, aspect: float
) -> np.ndarray:
    """How far the pixels of each object are from its edge, in the mean."""
    # padded, so that the end of the slice counts as an edge
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=(aspect, 1.0))[1:-1, 1:-1]
    sums = np.bincount(numbers.ravel(), depth.ravel(), len(areas))
    return np.asarray(sums / np.maximum(areas, 1))


def _usual_diameter(objects: Sequence[_Object]) -> float:
    """The median over the pixels of the objects."""
    whole = [each for each in objects if each.whole]
    chosen = sorted(whole if len(whole) >= ENOUGH_WHOLE else objects)
    pixels = np.cumsum([each.pixels for each in chosen])
    return chosen[int(np.searchsorted(pixels, pixels[-1] / 2))].diameter_px
