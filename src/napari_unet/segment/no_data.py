"""Borders that hold no image: one value where a scan was shifted, stitched, turned or padded.

Decided once a frame, from some chunks at its border and those that the statistics read: a value is
"no data" where it fills pieces of the border, is next to nowhere scattered inside, and where the
image beside it is one large piece, with many values, that is cut off instead of fading to it. So a
background that a threshold has made black, spots on nothing, a mask, or a bright part that is
saturated stay what they are.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from napari_unet.scans.scan import Slices


BORDER_PX = 3  # depth of the border that has to be filled
BORDER_SIDE_PX = 12  # length of a piece of the border that is read
MOST_VALUES = 4  # that are considered for one frame
MOST_SCATTERED = 3e-3  # of the voxels that are image
LEAST_PIECE = 0.8  # of the image: how much of it hangs together
FEWEST_VALUES = 17  # an image has more; a mask has fewer
SATURATED = 99.0  # percentile of the image: no data lies below
EXTREME = 10.0  # percentiles at both ends of the image: what fades to black or white lies there


def border_values(
    read: Callable[["Slices"], np.ndarray], shape: Sequence[int]
) -> list[tuple[float, ...]]:
    """The values, one number a channel, that fill pieces of a frame's border; most often none.

    `read` gives a (channels, *region) part of the frame. Read are pieces at the corners and at the
    middles of the sides, whatever the frame's `shape`.
    """
    found = []
    for region in _border_pieces(shape):
        piece = read(region)
        flat = piece.reshape(len(piece), -1)
        if np.isfinite(flat[:, 0]).all() and (flat == flat[:, :1]).all():
            found.append(tuple(float(number) for number in flat[:, 0]))
    return list(dict.fromkeys(found))[:MOST_VALUES]


def _border_pieces(shape: Sequence[int]) -> "Iterator[Slices]":
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
        self._largest = 0  # voxels of the largest piece of image in each part
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
            self._largest += mask.size
            return mask
        self._largest += _largest_piece(~mask)
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
        rest = self.voxels - self.filled
        if self._scattered > MOST_SCATTERED * rest or self._largest < LEAST_PIECE * rest:
            return False
        if all(_saturates(value, each) for value, each in zip(self.value, image, strict=True)):
            return False
        beside = np.concatenate(self._beside, axis=1)
        return not beside.shape[1] or any(
            _is_cut_off(near, whole) for near, whole in zip(beside, image, strict=True)
        )


def _saturates(value: float, image: np.ndarray) -> bool:
    """Whether a value is above (nearly) all of the image."""
    return bool(value >= np.percentile(image, SATURATED))


def _is_cut_off(beside: np.ndarray, image: np.ndarray) -> bool:
    """Whether the image has many values, and those beside the border are not its extremes."""
    few = image[: 2**18]
    low, high = np.percentile(image, [EXTREME, 100 - EXTREME])
    return len(np.unique(few)) >= FEWEST_VALUES and bool(low <= np.median(beside) <= high)


def _largest_piece(mask: np.ndarray) -> int:
    """The voxels of the largest piece of a mask that hangs together."""
    numbers, pieces = ndimage.label(mask)
    return int(np.bincount(numbers.ravel())[1:].max()) if pieces else 0


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


def _beside(ndim: int, axis: int) -> "tuple[Slices, Slices]":
    """All but the first, and all but the last voxel along an axis."""
    ahead = tuple(slice(1, None) if n == axis else slice(None) for n in range(ndim))
    behind = tuple(slice(None, -1) if n == axis else slice(None) for n in range(ndim))
    return ahead, behind
