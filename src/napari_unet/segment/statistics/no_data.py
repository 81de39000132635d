"""What of a frame is no image: values that are no numbers, and borders of one value where a scan
was shifted, stitched, turned or padded.

Borders are decided once a frame, from some chunks at its border and those that the statistics read:
a value is "no data" where it fills pieces of the border, is next to nowhere scattered inside, and
where the image beside it is one large piece, with many values, that is cut off instead of fading to
it. So a background that a threshold has made black, spots on nothing, a mask, or a bright part that
is saturated stay what they are.

Channels may have borders of their own, as where one was moved onto another. So a value is looked
for in all channels together, and in each by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_unet.segment.statistics.percentiles import percentiles

if TYPE_CHECKING:
    from napari_unet.scans.scan import Slices


BORDER_PX = 3  # depth of the border that has to be filled
BORDER_SIDE_PX = 12  # length of a piece of the border that is read
MOST_VALUES = 4  # that are considered for one frame, for all channels together or for one
MOST_SCATTERED = 3e-3  # of the voxels that are image
LEAST_PIECE = 0.8  # of the image: how much of it hangs together
FEWEST_VALUES = 17  # an image has more; a mask has fewer
SATURATED = 99.0  # percentile of the image: no data lies below
EXTREME = 10.0  # percentiles at both ends of the image: what fades to black or white lies there
MOST_FLOAT32 = float(np.finfo(np.float32).max)


def usable(part: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray | None:
    """Where values are numbers, and still are as float32 on the scale that makes `low` 0 and `high`
    1; None: everywhere.
    """
    if part.dtype.kind != "f":
        return None
    finite: np.ndarray = np.isfinite(part)
    most = MOST_FLOAT32 * (min(1.0, high - low) if high > low else 1.0)
    if part.dtype.itemsize > np.dtype(np.float32).itemsize or most < MOST_FLOAT32:
        with np.errstate(over="ignore", invalid="ignore"):
            finite &= np.abs(part.astype(np.float64, copy=False) - low) < most
    return None if finite.all() else finite


def only_usable(values: np.ndarray) -> np.ndarray:
    """Those of the values that are usable, in one row where some are not."""
    mask = usable(values)
    return values if mask is None else values[mask]


@dataclass(frozen=True)
class EmptyValue:
    """A value, one number for each of some `channels`, that may say that these hold no image."""

    channels: tuple[int, ...]
    value: tuple[float, ...]

    def where(self, part: np.ndarray) -> np.ndarray:
        """Where all of its channels have it, in a (channels, *region) part: (*region) bool."""
        return has_value(self.of(part), self.value)

    def of(self, part: np.ndarray) -> np.ndarray:
        """Its channels of a part."""
        return part if len(self.channels) == len(part) else part[list(self.channels)]


def candidates(numbers: Sequence[float | None]) -> list[EmptyValue]:
    """What numbers of the channels may stand for: no data in all of them, and in each by itself;
    None for a channel that has none.
    """
    together = [(n, number) for n, number in enumerate(numbers) if number is not None]
    alone = [EmptyValue((n,), (number,)) for n, number in together]
    if len(together) < len(numbers) or len(numbers) == 1:
        return alone
    return [EmptyValue(tuple(range(len(numbers))), tuple(n for _, n in together)), *alone]


def border_values(read: Callable[["Slices"], np.ndarray], shape: Sequence[int]) -> list[EmptyValue]:
    """The values that fill pieces of a frame's border; most often none.

    `read` gives a (channels, *region) part of the frame. Read are pieces at the corners and at the
    middles of the sides, whatever the frame's `shape`.
    """
    found: dict[tuple[int, ...], dict[EmptyValue, None]] = {}
    for region in _border_pieces(shape):
        for value in candidates([_only_value(channel) for channel in read(region)]):
            found.setdefault(value.channels, {})[value] = None
    return [value for same in found.values() for value in list(same)[:MOST_VALUES]]


def _only_value(channel: np.ndarray) -> float | None:
    """The number that all of a channel's piece has; None where there are several."""
    first = channel.flat[0]
    return float(first) if (channel == first).all() and usable(channel) is None else None


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
    found = equals(part[0], value[0])
    for channel, number in zip(part[1:], value[1:], strict=True):
        found &= equals(channel, number)
    return found


def equals(channel: np.ndarray, number: float) -> np.ndarray:
    """Where values are a number, which may be one that their format can not hold."""
    if channel.dtype.kind == "f" and abs(number) > float(np.finfo(channel.dtype).max):
        return np.zeros(channel.shape, bool)  # numpy would warn of it
    found: np.ndarray = channel == number
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

    def __init__(self, value: EmptyValue) -> None:
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
        mask = self.value.where(part)
        self.voxels += mask.size
        if not mask.any():
            self._largest += mask.size
            return mask
        self._largest += _largest_piece(~mask)
        self.filled += int(mask.sum())
        rim = _grown(_grown(surrounded(mask)) & mask)
        self._scattered += int((mask & ~rim).sum())
        self._beside.append(self.value.of(part)[:, _grown(rim) & ~rim & ~mask])
        found: np.ndarray = mask | rim
        return found

    def is_no_data(self, image: np.ndarray) -> bool:
        """Whether the value is no data beside an `image` (channels, voxels) that lacks it."""
        rest = self.voxels - self.filled
        if not self.filled or not image.shape[1]:
            return False
        if self._scattered > MOST_SCATTERED * rest or self._largest < LEAST_PIECE * rest:
            return False
        beside = np.concatenate(self._beside, axis=1)
        pairs = zip(self.value.of(image), beside, self.value.value, strict=True)
        channels = [(only_usable(whole), only_usable(near), value) for whole, near, value in pairs]
        channels = [each for each in channels if each[0].size]
        if all(_saturates(value, whole) for whole, _, value in channels):
            return False
        return not beside.shape[1] or any(_is_cut_off(near, whole) for whole, near, _ in channels)


def _saturates(value: float, image: np.ndarray) -> bool:
    """Whether a value is above (nearly) all of the image."""
    return value >= percentiles(image, [SATURATED])[0]


def _is_cut_off(beside: np.ndarray, image: np.ndarray) -> bool:
    """Whether the image has many values, and those beside the border are not its extremes."""
    if not beside.size:
        return False
    few = image[: 2**18]
    low, high = percentiles(image, [EXTREME, 100 - EXTREME])
    (middle,) = percentiles(beside, [50])
    return len(np.unique(few)) >= FEWEST_VALUES and low <= middle <= high


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
