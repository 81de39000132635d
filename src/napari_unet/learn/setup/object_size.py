"""How large the labelled objects are: it decides the depth of a network, and how far apart parts
are that know nothing of each other.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.item import TrainItem

UNKNOWN_PX = 16.0
LOOKED_SLICES = 6
LOOKED_PX = 1024  # side of the part of a slice that is looked at
LEAST_PIXELS = 10
ENOUGH_WHOLE = 3
LONGEST = 4.0  # a web or a fibre counts as no larger than so many times its thickness

Found = tuple[float, float, bool]  # diameter, weight, whether it lies wholly in what is trusted


def object_diameter_px(item: TrainItem) -> float:
    """The usual diameter of the objects of the class that has the largest ones, in pixels along x."""
    return max(object_diameters_px(item).values(), default=UNKNOWN_PX)


def object_diameters_px(item: TrainItem) -> dict[int, float]:
    """The usual diameter of each foreground class's objects, in pixels along x, as they appear in
    slices.

    Objects are connected components of trusted labels, as large as a disc of their area; the median
    is taken over their pixels, so that specks count little. Where enough of them lie wholly in what
    is trusted, only those count.
    """
    spacing = item.scan.frame_spacing(2)
    found: dict[int, list[Found]] = {}
    for labels in _slices(item):
        for label in np.unique(labels[labels > 0]):
            found.setdefault(int(label), []).extend(
                _objects(labels == label, labels < 0, spacing[0] / spacing[1])
            )
    return {label: _middle(objects) for label, objects in sorted(found.items()) if objects}


def _slices(item: TrainItem) -> Iterator[np.ndarray]:
    """Some slices with trusted pixels, -1 where they are not trusted."""
    frames = [
        frame
        for frame in item.frames(2)
        if item.trust is None or (item.trust_of(*frame) != UNTRUSTED).any()
    ]
    for n in np.unique(
        np.linspace(0, len(frames) - 1, min(LOOKED_SLICES, len(frames))).round().astype(int)
    ):
        known = item.trust_of(*frames[n]) != UNTRUSTED
        window = _window(known)
        yield np.where(
            known[window], item.labels_of(*frames[n])[window].astype(np.int16), np.int16(-1)
        )


def _window(known: np.ndarray) -> tuple[slice, ...]:
    """The box around what is trusted, or its middle where it is large, with a pixel around it."""
    places = [np.flatnonzero(known.any(axis=1 - axis)) for axis in range(2)]
    ends = [(max(0, int(p[0]) - 1), int(p[-1]) + 2) for p in places]
    middles = [int(p[len(p) // 2]) for p in places]
    return tuple(
        slice(max(low, at - LOOKED_PX // 2), min(high, at + LOOKED_PX // 2))
        for (low, high), at in zip(ends, middles, strict=True)
    )


def _objects(mask: np.ndarray, unknown: np.ndarray, aspect: float) -> list[Found]:
    """The objects of a class in a slice whose pixels are `aspect` times as high as wide."""
    numbers, count = ndimage.label(mask)
    areas = np.bincount(numbers.ravel(), minlength=count + 1)
    deep = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=(aspect, 1.0))[1:-1, 1:-1]
    depths = np.bincount(numbers.ravel(), deep.ravel(), count + 1) / np.maximum(
        areas, 1
    )  # a third of a disc's radius
    cut = (
        set(numbers[ndimage.binary_dilation(unknown, iterations=1) & mask].tolist())
        if unknown.any()
        else set()
    )
    sizes = np.minimum(np.sqrt(4 * areas * aspect / math.pi), LONGEST * 6 * depths)
    return [
        (float(sizes[n]), float(areas[n]), n not in cut)
        for n in range(1, count + 1)
        if areas[n] >= LEAST_PIXELS
    ]


def _middle(objects: list[Found]) -> float:
    """The median over the pixels of the objects."""
    whole = [found for found in objects if found[2]]
    chosen = sorted(whole if len(whole) >= ENOUGH_WHOLE else objects)
    weights = np.cumsum([weight for _, weight, _ in chosen])
    return chosen[int(np.searchsorted(weights, weights[-1] / 2))][0]
