"""The statistics that intensities are normalised by. No torch.

They are those of the frame. If tiles had their own, one tissue would look different from tile to
tile, and so would its labels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.scan import Index, Scan
from napari_unet.segment.statistics.frame_sample import FrameSample, read_sample
from napari_unet.segment.statistics.no_data import (
    EmptyValue,
    Evidence,
    candidates,
    equals,
    has_value,
    only_usable,
    usable,
)
from napari_unet.segment.statistics.percentiles import percentiles

FEW = 0.02  # share of the values, at each end, that hot or dead pixels may be
SPECKS = 2.0  # a range that single voxels make this many times as wide is not that of the image


@dataclass(frozen=True)
class EmptyChannel:
    """A channel that holds no image where it has a value, and the share of the voxels read that
    have it.
    """

    channel: int
    value: float
    share: float

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The same from plain values."""
        return cls(int(values["channel"]), float(values["value"]), float(values["share"]))


@dataclass(frozen=True)
class FrameStatistics:
    """For each channel the intensities that become 0 (`low`) and 1 (`high`), and what of a frame is
    left out.

    `clip` are the least and the largest normalised value. `nonfinite_share` is the share of the
    voxels read that are NaN, infinite, or too large for float32; `no_data` is the value, one number
    a channel, of borders that hold no image, and `no_data_share` the share of the voxels read that
    have it; `empty_channels` are further borders that single channels have by themselves. `specks`
    are the channels with single voxels beyond the clip, as of hot pixels; these take a value from
    beside them.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    nonfinite_share: float = 0.0
    clip: tuple[float, float] | None = None
    no_data: tuple[float, ...] | None = None
    no_data_share: float = 0.0
    specks: tuple[int, ...] = ()
    empty_channels: tuple[EmptyChannel, ...] = ()

    def bounds(self, channel: int, dtype: np.dtype) -> tuple[float, float]:
        """The intensities of a channel beyond which values are clipped."""
        limits = (self.low[channel], self.high[channel])
        return _bounds(limits, self.clip or (0.0, 1.0), dtype)

    def empty_in(self, part: np.ndarray) -> np.ndarray | None:
        """Where each channel of a (channels, *region) part holds no image, by its value: bool of
        the part's shape; None where all is image.
        """
        if self.no_data is None and not self.empty_channels:
            return None
        found = np.zeros(part.shape, bool)
        if self.no_data is not None:
            found |= has_value(part, self.no_data)
        for each in self.empty_channels:
            found[each.channel] |= equals(part[each.channel], each.value)
        return found if found.any() else None

    def as_dict(self) -> dict[str, Any]:
        """The statistics as plain values, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The statistics from such plain values; raises `ValueError` where these name channels that
        there are not.
        """
        clip = values.get("clip")
        no_data = values.get("no_data")
        found = cls(
            tuple(map(float, values["low"])),
            tuple(map(float, values["high"])),
            float(values["nonfinite_share"]),
            None if clip is None else (float(clip[0]), float(clip[1])),
            None if no_data is None else tuple(map(float, no_data)),
            float(values.get("no_data_share", 0.0)),
            tuple(map(int, values.get("specks", ()))),
            tuple(EmptyChannel.from_dict(each) for each in values.get("empty_channels", ())),
        )
        channels = range(len(found.low))
        named = {*found.specks, *(each.channel for each in found.empty_channels)}
        if not named <= set(channels) or len(found.no_data or found.low) != len(channels):
            raise ValueError(f"the statistics have {len(channels)} channels and name others")
        return found


def empty_sentence(frames: Iterable[FrameStatistics]) -> str:
    """What was taken for no image, in a sentence for all channels and one for each that has more;
    empty if there was nothing.
    """
    shares: dict[int | None, float] = {}
    values: dict[int | None, set[float]] = {}
    for frame in frames:
        for channel, value, share in _empty_parts(frame):
            shares[channel] = max(share, shares.get(channel, 0.0))
            values.setdefault(channel, set()).add(value)
    return " ".join(
        _empty_sentence(channel, shares[channel], sorted(values[channel])) for channel in shares
    )


def _empty_parts(frame: FrameStatistics) -> Iterator[tuple[int | None, float, float]]:
    """The channel (None: all of them), the value and the share of each border without image."""
    for value in frame.no_data or ():
        yield None, value, frame.no_data_share
    for each in frame.empty_channels:
        yield each.channel, each.value, each.share


def _empty_sentence(channel: int | None, share: float, values: Sequence[float]) -> str:
    has = f"{share:.1%} has the value {', '.join(f'{value:g}' for value in values)}"
    if channel is None:
        return f"{has} and counts as no image: it is background, and no part of the contrast."
    return f"Of channel {channel}, {has} and counts as no image: it is no part of its contrast."


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
    of its chunks (see `segment.statistics.frame_sample`).

    Single voxels far from all beside them (hot and dead pixels) do not count where they would make
    the range twice as wide. With `empty_borders`, borders without image are found and left out (see
    `segment/statistics/no_data.py`), and so is the scan's own `no_data`. If the two percentiles are
    the same (a few bright spots on nothing), the minimum and the maximum take their place.

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
    ranges = [_range_of(sample, channel, empty, how) for channel in range(len(sample.values))]
    found = FrameStatistics(
        low=tuple(each.low for each in ranges),
        high=tuple(each.high for each in ranges),
        nonfinite_share=share,
        clip=how.clip,
        specks=tuple(number for number, each in enumerate(ranges) if each.specks),
    )
    return _with_no_data(found, [sample.evidence[number] for number in empty])


def _may_be_no_data(scan: Scan, empty_borders: bool) -> list[EmptyValue] | None:
    """Values that may be no data: the one that the file gives; None: those that fill its border."""
    if not empty_borders:
        return []
    return None if scan.no_data is None else candidates([scan.no_data] * scan.channels)


def _with_no_data(found: FrameStatistics, evidence: Sequence[Evidence]) -> FrameStatistics:
    """The statistics with the values that are no data, in all channels or in one."""
    channels = len(found.low)
    for each in evidence:
        value = each.value
        if len(value.channels) == channels:
            found = replace(found, no_data=value.value, no_data_share=each.share)
        else:
            own = EmptyChannel(value.channels[0], value.value[0], each.share)
            found = replace(found, empty_channels=(*found.empty_channels, own))
    return found


def _nonfinite_share(values: np.ndarray, frame: Index) -> float:
    """The share of the values that are not usable; raises `ScanError` if it is over half."""
    mask = usable(values)
    share = 0.0 if mask is None else 1.0 - float(mask.mean())
    if share > 0.5:
        where = f"frame {', '.join(map(str, frame))}" if frame else "the image"
        raise ScanError(
            f"{share:.0%} of {where} is NaN or infinite, or too large for float32; at most half "
            "may be. Fill or crop it first."
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
        least, most = _bounds((self.low, self.high), clip, values.dtype)
        found: np.ndarray = (values < least) | (values > most)
        return found


def _bounds(
    limits: tuple[float, float], clip: tuple[float, float], dtype: np.dtype
) -> tuple[float, float]:
    """The intensities between which a clip leaves values as they are, as far as a number format
    goes, which numpy warns of otherwise.
    """
    low, high = limits
    least = low + clip[0] * (high - low)
    most = low + clip[1] * (high - low)
    if dtype.kind != "f":
        return least, most
    end = float(np.finfo(dtype).max)
    return max(-end, least), min(end, most)


def _range_of(
    sample: FrameSample, channel: int, empty: Sequence[int], how: Normalization
) -> _Range:
    """The range of a channel, over the voxels that are image. Where few values lie far from all
    others, hot and dead pixels are left out.
    """
    values = only_usable(sample.image_values(channel, empty))
    if not values.size:
        return _Range(0.0, 0.0)
    few = FEW * (how.high - how.low)
    wanted = [how.low, how.high, how.low + few, how.high - few]
    low, high, inner_low, inner_high = percentiles(values, wanted)
    found = _Range(low, high) if low < high else _Range(float(values.min()), float(values.max()))
    ruled = high - low > SPECKS * (inner_high - inner_low)
    if not ruled and not found.beyond(_extremes(values), how.clip).any():
        return found
    raw, settled = map(only_usable, sample.with_and_without_specks(channel, empty))
    calm_low, calm_high = percentiles(settled, [how.low, how.high]) if settled.size else (0.0, 0.0)
    if ruled and calm_high > calm_low and high - low > SPECKS * (calm_high - calm_low):
        found = _Range(calm_low, calm_high)
    alone = found.beyond(raw, how.clip).sum() > found.beyond(settled, how.clip).sum()
    return replace(found, specks=bool(alone))


def _extremes(values: np.ndarray) -> np.ndarray:
    return np.array([values.min(), values.max()], np.float64)
