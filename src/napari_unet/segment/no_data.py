"""Borders that hold no image: one value where a scan was shifted, stitched, turned or padded.

Decided once a frame, from some chunks at its border and those that the statistics read: a value is
"no data" where it fills pieces of the border, is next to nowhere scattered inside, and where the
image beside it is cut off instead of fading to it. So a background that a threshold has made black,
or a bright part that is saturated, stays what it is.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from napari_unet.scans.scan import Index, Scan, Slices

BORDER_PX = 3  # depth of the border that has to be filled
BORDER_SIDE_PX = 12  # length of a piece of the border that is read
MOST_VALUES = 4  # that are considered for one frame
MOST_SCATTERED = 3e-3  # of the voxels that are image
EXTREME = 10.0  # percentiles at both ends of the image: what fades to black or white lies there


def border_values(scan: Scan, dimensions: int, frame: Index) -> list[tuple[float, ...]]:
    """The values, one number a channel, that fill pieces of the frame's border; most often none.

    Read are pieces at the corners and at the middles of the sides, whatever the frame's size.
    """
    found = []
    for region in _border_pieces(scan.frame_shape(dimensions)):
        piece = scan.read(frame, region)  # (channels, *region)
        flat = piece.reshape(len(piece), -1)
        if np.isfinite(flat[:, 0]).all() and (flat == flat[:, :1]).all():
            found.append(tuple(float(number) for number in flat[:, 0]))
    return list(dict.fromkeys(found))[:MOST_VALUES]


def _border_pieces(shape: Sequence[int]) -> Iterator[Slices]:
    """Thin pieces along each side of a frame: at its two ends and at its middle."""
    for axis, at_end in product(range(len(shape)), (False, True)):
        for share in (0.0, 0.5, 1.0):
            starts = [int(share * max(0, n - BORDER_SIDE_PX)) for n in shape]
            region = [
                slice(start, min(n, start + BORDER_SIDE_PX))
                for start, n in zip(starts, shape, strict=True)
            ]
            depth = min(BORDER_PX, shape[axis])
            edge = shape[axis] - depth if at_end else 0
            region[axis] = slice(edge, edge + depth)
            yield tuple(region)


def has_value(part: np.ndarray, value: Sequence[float]) -> np.ndarray:
    """Where all channels of a (channels, *region) part have the value: (*region) bool."""
    found: np.ndarray = part[0] == value[0]
    for channel, number in zip(part[1:], value[1:], strict=True):
        found &= channel == number
    return found


def surrounded(mask: np.ndarray) -> np.ndarray:
    """Where a whole neighbourhood, 3 voxels wide along each axis, is in the mask; what lies beyond
    the array counts as being in it.
    """
    found = mask
    for axis in range(mask.ndim):
        there = found
        found = there.copy()
        ahead, behind = _beside(mask.ndim, axis)
        found[ahead] &= there[behind]
        found[behind] &= there[ahead]
    return found


class Evidence:
    """What chunks say about a value: how much of it is scattered, and what lies beside the rest."""

    def __init__(self, value: tuple[float, ...]) -> None:
        self.value = value
        self.voxels = 0
        self.filled = 0
        self._scattered = 0
        self._beside: list[np.ndarray] = []

    @property
    def share(self) -> float:
        """The share of the voxels read that has the value."""
        return self.filled / max(1, self.voxels)

    def take(self, part: np.ndarray) -> np.ndarray:
        """Look at a (channels, *region) part; returns where it has the value, and the rim of such
        areas, which interpolation may have mixed: (*region) bool.
        """
        mask = has_value(part, self.value)
        self.voxels += mask.size
        if not mask.any():
            return mask
        self.filled += int(mask.sum())
        rim = _grown(_grown(surrounded(mask)) & mask)
        self._scattered += int((mask & ~rim).sum())
        self._beside.append(part[:, _grown(rim) & ~rim & ~mask])
        found: np.ndarray = mask | rim
        return found

    def is_no_data(self, image: np.ndarray) -> bool:
        """Whether the value is no data beside an `image` (channels, voxels) that lacks it."""
        if not self.filled or not image.shape[1]:
            return False
        if self._scattered > MOST_SCATTERED * (self.voxels - self.filled):
            return False
        beside = np.concatenate(self._beside, axis=1)
        return not beside.shape[1] or any(
            _is_usual(float(np.median(near)), whole)
            for near, whole in zip(beside, image, strict=True)
        )


def _is_usual(value: float, image: np.ndarray) -> bool:
    """Whether a value lies between the extremes of an image."""
    low, high = np.percentile(image, [EXTREME, 100 - EXTREME])
    return bool(low <= value <= high)


def _grown(mask: np.ndarray) -> np.ndarray:
    """The mask with its neighbours, those across corners too."""
    found = mask
    for axis in range(mask.ndim):
        there = found
        found = there.copy()
        ahead, behind = _beside(mask.ndim, axis)
        found[ahead] |= there[behind]
        found[behind] |= there[ahead]
    return found


def _beside(ndim: int, axis: int) -> tuple[Slices, Slices]:
    """All but the first, and all but the last voxel along an axis."""
    ahead = tuple(slice(1, None) if n == axis else slice(None) for n in range(ndim))
    behind = tuple(slice(None, -1) if n == axis else slice(None) for n in range(ndim))
    return ahead, behind
