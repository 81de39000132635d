"""The statistics that intensities are normalised by. No torch.

They are those of the frame. If tiles had their own, one tissue would look different from tile to
tile, and so would its labels.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.scan import Index, Scan
from napari_unet.segment.frame_sample import FrameSample, read_sample

FEW = 0.02  # share of the values, at each end, that hot or dead pixels may be
SPECKS = 2.0  # a range that single voxels make this many times as wide is not that of the image


@dataclass(frozen=True)
class FrameStatistics:
    """For each channel the intensities that become 0 (`low`) and 1 (`high`), and what of a frame is
    left out.

    `clip` are the least and the largest normalised value. `nonfinite_share` is the share of the
    voxels read that are NaN or infinite; `no_data` is the value, one number a channel, of borders
    that hold no image, and `no_data_share` the share of the voxels read that have it. `specks` are
    the channels with single voxels beyond the clip, as of hot pixels; these take a value from
    beside them.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    nonfinite_share: float = 0.0
    clip: tuple[float, float] | None = None
    no_data: tuple[float, ...] | None = None
    no_data_share: float = 0.0
    specks: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The statistics as plain values, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The statistics from such plain values."""
        clip = values.get("clip")
        no_data = values.get("no_data")
        return cls(
            tuple(map(float, values["low"])),
            tuple(map(float, values["high"])),
            float(values["nonfinite_share"]),
            None if clip is None else (float(clip[0]), float(clip[1])),
            None if no_data is None else tuple(map(float, no_data)),
            float(values.get("no_data_share", 0.0)),
            tuple(map(int, values.get("specks", ()))),
        )


def empty_sentence(frames: Iterable[FrameStatistics]) -> str:
    """One sentence on borders that were taken for no image; empty if there were none."""
    empty = [frame for frame in frames if frame.no_data is not None]
    if not empty:
        return ""
    values = sorted({value for frame in empty for value in frame.no_data or ()})
    share = max(frame.no_data_share for frame in empty)
    return (
        f"{share:.1%} has the value {', '.join(f'{value:g}' for value in values)} and counts as no "
        "image: it is background, and no part of the contrast."
    )


def frame_statistics(
    scan: Scan,
    dimensions: int,
    frame: Index,
    how: Normalization,
    control: GetControl = always_continue,
    *,
    empty_borders: bool = True,
) -> FrameStatistics:
    """The percentiles of each channel of a frame: over all of it up to 2²² voxels, else over some
    of its chunks (see `segment.frame_sample`).

    Single voxels far from all beside them (hot and dead pixels) do not count where they would make
    the range twice as wide. With `empty_borders`, borders without image are found and left out (see
    `segment.no_data`), and so is the scan's own `no_data`. If the two percentiles are the same (a
    few bright spots on nothing), the minimum and the maximum take their place.

    Raises `ScanError` if more than half of the voxels read are NaN or infinite, and `Stopped` or
    `Cancelled` when the user wants that.
    """
    if how.kind == "none":
        sample = read_sample(scan, dimensions, frame, control)
        channels = len(sample.values)
        share = _nonfinite_share(sample.values, frame)
        return FrameStatistics((0.0,) * channels, (1.0,) * channels, share)
    sample = read_sample(scan, dimensions, frame, control, _may_be_no_data(scan, empty_borders))
    share = _nonfinite_share(sample.values, frame)
    empty = sample.no_data(scan.no_data is not None)
    ranges = _ranges(sample, empty, how)
    return FrameStatistics(
        low=tuple(found.low for found in ranges),
        high=tuple(found.high for found in ranges),
        nonfinite_share=share,
        clip=how.clip,
        no_data=None if empty is None else sample.evidence[empty].value,
        no_data_share=0.0 if empty is None else sample.evidence[empty].share,
        specks=tuple(number for number, found in enumerate(ranges) if found.specks),
    )


def _may_be_no_data(scan: Scan, empty_borders: bool) -> list[tuple[float, ...]] | None:
    """Values that may be no data: the one that the file gives; None: those that fill its border."""
    if not empty_borders:
        return []
    return None if scan.no_data is None else [(scan.no_data,) * scan.channels]


def _ranges(sample: FrameSample, empty: int | None, how: Normalization) -> "list[_Range]":
    """The range of each channel, over the voxels that are image."""
    image = slice(None) if empty is None else ~sample.masks[empty]
    return [
        _range_of(values[image], partial(sample.with_and_without_specks, channel, empty), how)
        for channel, values in enumerate(sample.values)
    ]


def _nonfinite_share(values: np.ndarray, frame: Index) -> float:
    """The share of the values that are NaN or infinite; raises `ScanError` if it is over half."""
    share = 1.0 - float(np.isfinite(values).mean()) if values.dtype.kind == "f" else 0.0
    if share > 0.5:
        where = f"frame {', '.join(map(str, frame))}" if frame else "the image"
        raise ScanError(
            f"{share:.0%} of {where} is NaN or infinite; at most half may be. "
            "Fill or crop it first."
        )
    return share


@dataclass(frozen=True)
class _Range:
    """The low and the high percentile of a channel, and whether hot or dead pixels were seen."""

    low: float
    high: float
    specks: bool = False

    def beyond(self, values: np.ndarray, clip: tuple[float, float]) -> np.ndarray:
        """Which values are clipped."""
        least, most = (self.low + bound * (self.high - self.low) for bound in clip)
        found: np.ndarray = (values < least) | (values > most)
        return found


def _range_of(
    values: np.ndarray, both: Callable[[], tuple[np.ndarray, np.ndarray]], how: Normalization
) -> _Range:
    """The range of a channel. `both` computes its values with and without hot and dead pixels,
    which is only done if few values lie far from all others.
    """
    values = _finite(values)
    if not values.size:
        return _Range(0.0, 0.0)
    few = FEW * (how.high - how.low)
    wanted = [how.low, how.high, how.low + few, how.high - few]
    low, high, inner_low, inner_high = percentiles(values, wanted)
    found = _Range(low, high) if low < high else _Range(float(values.min()), float(values.max()))
    ruled = high - low > SPECKS * (inner_high - inner_low)
    if not ruled and not found.beyond(_extremes(values), how.clip).any():
        return found
    raw, settled = (_finite(each) for each in both())
    calm_low, calm_high = percentiles(settled, [how.low, how.high]) if settled.size else (0.0, 0.0)
    if ruled and calm_high > calm_low and high - low > SPECKS * (calm_high - calm_low):
        found = _Range(calm_low, calm_high)
    alone = found.beyond(raw, how.clip).sum() > found.beyond(settled, how.clip).sum()
    return replace(found, specks=bool(alone))


def _extremes(values: np.ndarray) -> np.ndarray:
    return np.array([values.min(), values.max()], np.float64)


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def percentiles(values: np.ndarray, wanted: Sequence[float]) -> list[float]:
    """The same percentiles as numpy's. Whole numbers up to 16 bits are counted instead of sorted,
    which takes a fifth of the time.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        return [float(each) for each in np.percentile(values, wanted)]
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    least = np.iinfo(native.dtype).min
    unsigned = native.view(f"u{native.dtype.itemsize}")
    if least < 0:  # flipping the sign bit adds `-least`, so that the order stays
        unsigned = unsigned ^ unsigned.dtype.type(-least)
    upto = np.cumsum(np.bincount(unsigned.ravel()))
    return [_between(upto, share / 100 * (values.size - 1)) + least for share in wanted]


def _between(upto: np.ndarray, position: float) -> float:
    """The value at a position of the sorted values, found in how many there are up to each value;
    interpolated between two positions.
    """
    below = float(np.searchsorted(upto, math.floor(position), side="right"))
    above = float(np.searchsorted(upto, math.ceil(position), side="right"))
    share = position - math.floor(position)
    if share < 0.5:
        return below + (above - below) * share
    return above - (above - below) * (1 - share)  # rounds as numpy does
