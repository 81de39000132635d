"""What normalises intensities: statistics that belong to the frame and to nothing smaller. No
torch.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl, always_continue, heed
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.no_data import Evidence, border_values, has_value

WHOLE_VOXELS = 2**22  # frames up to this size are read whole
MOST_CHUNKS = 64
FEWEST_CHUNKS = 8
FEW = 0.02  # share of the values, at each end, that hot or dead pixels may be
SPECKS = 2.0  # a range that single voxels make this many times as wide is not that of the image
VIRTUAL_CHUNK = 512  # side of what is read at once from an array without chunks


@dataclass(frozen=True)
class FrameStatistics:
    """Per channel the intensities that become 0 and 1, and what is left out of a frame.

    `clip` are the normalised values beyond which all is one. `nonfinite_share` is how much of what
    was looked at is NaN or infinite; `no_data` is the value, one number a channel, of borders that
    hold no image, and `no_data_share` how much of what was looked at has it. `specks` says that
    there are single voxels beyond the clip, as of hot pixels; they take a value from beside them.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    nonfinite_share: float = 0.0
    clip: tuple[float, float] | None = None
    no_data: tuple[float, ...] | None = None
    no_data_share: float = 0.0
    specks: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The statistics that were written as plain values."""
        clip = values.get("clip")
        no_data = values.get("no_data")
        return cls(
            tuple(map(float, values["low"])),
            tuple(map(float, values["high"])),
            float(values["nonfinite_share"]),
            None if clip is None else (float(clip[0]), float(clip[1])),
            None if no_data is None else tuple(map(float, no_data)),
            float(values.get("no_data_share", 0.0)),
            bool(values.get("specks", False)),
        )


def empty_sentence(frames: Iterable[FrameStatistics]) -> str:
    """What to tell of borders that were taken for no image; nothing where there were none."""
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
    """Percentiles of each channel of a frame: over all of it up to 2²² voxels, else over whole
    chunks of a seeded choice.

    Single voxels far from all beside them (hot and dead pixels) do not count where they would make
    the range twice as wide. With `empty_borders`, borders without image are found and left out (see
    `segment.no_data`), and so is the scan's own `no_data`. Where the two percentiles are one value
    (a few bright spots on nothing), the least and the largest take their place.

    Raises `ScanError` when more than half of the voxels looked at are NaN or infinite, `Stopped` or
    `Cancelled` as the user wants.
    """
    if how.kind == "none":
        sample = _sampled(scan, dimensions, frame, control, [])
        channels = len(sample.values)
        share = _nonfinite_share(sample.values, frame)
        return FrameStatistics((0.0,) * channels, (1.0,) * channels, share)
    sample = _sampled(
        scan, dimensions, frame, control, _candidates(scan, dimensions, frame, empty_borders)
    )
    share = _nonfinite_share(sample.values, frame)
    empty = sample.no_data(scan.no_data is not None)
    image = slice(None) if empty is None else ~sample.masks[empty]
    ranges = [
        _range_of(values[image], partial(sample.calm, channel, empty), how)
        for channel, values in enumerate(sample.values)
    ]
    return FrameStatistics(
        tuple(found.low for found in ranges),
        tuple(found.high for found in ranges),
        share,
        how.clip,
        None if empty is None else sample.evidence[empty].value,
        0.0 if empty is None else sample.evidence[empty].share,
        any(found.specks for found in ranges),
    )


def _candidates(
    scan: Scan, dimensions: int, frame: Index, empty_borders: bool
) -> list[tuple[float, ...]]:
    """Values that may be no data: what the file says, else what fills pieces of the border."""
    if not empty_borders:
        return []
    if scan.no_data is not None:
        return [(scan.no_data,) * scan.channels]
    return border_values(scan, dimensions, frame)


def _nonfinite_share(values: np.ndarray, frame: Index) -> float:
    """How much of the values is NaN or infinite; raises `ScanError` for more than half."""
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


def _range_of(values: np.ndarray, calm: Callable[[], np.ndarray], how: Normalization) -> _Range:
    """The range of a channel. `calm` gives its values without single ones that stick out, which is
    looked at only where few values lie far from all others.
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
    settled = _finite(calm())
    calm_low, calm_high = percentiles(settled, [how.low, how.high]) if settled.size else (0.0, 0.0)
    if ruled and calm_high > calm_low and high - low > SPECKS * (calm_high - calm_low):
        found = _Range(calm_low, calm_high)
    alone = found.beyond(values, how.clip).sum() > found.beyond(settled, how.clip).sum()
    return replace(found, specks=bool(alone))


def _extremes(values: np.ndarray) -> np.ndarray:
    return np.array([values.min(), values.max()], np.float64)


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def percentiles(values: np.ndarray, wanted: Sequence[float]) -> list[float]:
    """Percentiles as numpy's, of integers up to 16 bits by counting them: that takes a fifth of the
    time of sorting.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        return [float(each) for each in np.percentile(values, wanted)]
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    least = np.iinfo(native.dtype).min
    unsigned = native.view(f"u{native.dtype.itemsize}")
    unsigned = unsigned if least == 0 else unsigned ^ unsigned.dtype.type(-least)
    upto = np.cumsum(np.bincount(unsigned.ravel()))
    return [_between(upto, share / 100 * (values.size - 1)) + least for share in wanted]


def _between(upto: np.ndarray, place: float) -> float:
    """The value at a place of what would be sorted, by how many there are up to each value; between
    two places, between their values.
    """
    below, above = (
        float(np.searchsorted(upto, at, side="right"))
        for at in (math.floor(place), math.ceil(place))
    )
    share = place - math.floor(place)
    return below + (above - below) * share if share < 0.5 else above - (above - below) * (1 - share)


@dataclass(frozen=True)
class _Sample:
    """Values that statistics are of, (channels, values), and what was found of each value that may
    be no data: where it is, (values) bool. `blocks` are (channels, *region) parts of what was read.
    """

    values: np.ndarray
    blocks: list[np.ndarray]
    evidence: list[Evidence]
    masks: list[np.ndarray]

    def calm(self, channel: int, empty: int | None) -> np.ndarray:
        """Values of a channel without single ones that stick out, and without no data."""
        return np.concatenate([self._calm(block, channel, empty) for block in self.blocks])

    def _calm(self, block: np.ndarray, channel: int, empty: int | None) -> np.ndarray:
        values = without_specks(block[channel])
        if empty is None:
            return values.reshape(-1)
        image: np.ndarray = values[~has_value(block, self.evidence[empty].value)]
        return image

    def no_data(self, said: bool) -> int | None:
        """The number of the value that is no data, None for none; one that the file has said is
        believed wherever it is found.
        """
        for number, (evidence, mask) in enumerate(zip(self.evidence, self.masks, strict=True)):
            if said and evidence.filled:
                return number
            if not said and evidence.is_no_data(self.values[:, ~mask]):
                return number
        return None


def _sampled(
    scan: Scan,
    dimensions: int,
    frame: Index,
    control: GetControl,
    candidates: Sequence[tuple[float, ...]],
) -> _Sample:
    """Read what statistics are of: of large chunks every k-th value, so that neither time nor
    memory grow with them.
    """
    regions = list(_sample(scan, dimensions))
    seen = sum(math.prod(part.stop - part.start for part in region) for region in regions)
    step = max(1, seen // WHOLE_VOXELS)
    evidence = [Evidence(value) for value in candidates]
    taken = 0
    blocks = []
    parts: list[list[np.ndarray]] = [[] for _ in range(1 + len(evidence))]
    for region in regions:
        heed(control)
        part = scan.read(frame, region)
        blocks.append(_middle(part, step))
        found = [part, *(each.take(part)[None] for each in evidence)]
        for collected, array in zip(parts, found, strict=True):
            collected.append(_thinned(array, taken, step))
        taken += part[0].size
    values, *masks = [np.concatenate(each, axis=1) for each in parts]
    return _Sample(values, blocks, evidence, [mask[0] for mask in masks])


def _middle(part: np.ndarray, step: int) -> np.ndarray:
    """The middle of a (channels, *region) part, one k-th of it."""
    if step == 1:
        return part
    share = step ** (-1 / (part.ndim - 1))
    sides = [max(1, int(n * share)) for n in part.shape[1:]]
    middle = tuple(
        slice((n - side) // 2, (n - side) // 2 + side)
        for n, side in zip(part.shape[1:], sides, strict=True)
    )
    return part[(slice(None), *middle)].copy()


def _thinned(part: np.ndarray, taken: int, step: int) -> np.ndarray:
    """Every k-th value of a (channels, *region) part, counted over all parts: (channels, values)."""
    flat = part.reshape(len(part), -1)
    return flat if step == 1 else flat[:, -taken % step :: step].copy()


def without_specks(part: np.ndarray) -> np.ndarray:
    """A (*region) part in which no voxel lies outside the range of the eight beside it in its
    plane: hot and dead pixels are gone.
    """
    low = _over_neighbours(part, np.fmin)
    high = _over_neighbours(part, np.fmax)
    return np.clip(part, low, high, out=low)


def _over_neighbours(part: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """The least or the largest of the eight voxels beside each one, mirrored at the edges."""
    around = [(0, 0)] * (part.ndim - 2) + [(1, 1)] * 2
    padded = np.pad(part, around, mode="reflect" if min(part.shape[-2:]) > 1 else "edge")
    up, own, down = padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :]
    above_and_below = extreme(up, down)
    columns = extreme(above_and_below, own)
    found: np.ndarray = extreme(columns[..., :-2], columns[..., 2:])
    return extreme(found, above_and_below[..., 1:-1], out=found)  # type: ignore[no-any-return]


def _sample(scan: Scan, dimensions: int) -> Iterator[Slices]:
    shape = scan.frame_shape(dimensions)
    if math.prod(shape) <= WHOLE_VOXELS:
        yield tuple(slice(0, n) for n in shape)
        return
    chunk = _chunk_shape(scan, dimensions)
    grid = tuple(math.ceil(n / c) for n, c in zip(shape, chunk, strict=True))
    wanted = min(
        max(math.ceil(WHOLE_VOXELS / math.prod(chunk)), FEWEST_CHUNKS), MOST_CHUNKS, math.prod(grid)
    )
    chosen = np.random.default_rng(list(shape)).choice(math.prod(grid), wanted, replace=False)
    for index in sorted(chosen):
        corner = np.unravel_index(index, grid)
        yield tuple(
            slice(int(k) * c, min((int(k) + 1) * c, n))
            for k, c, n in zip(corner, chunk, shape, strict=True)
        )


def _chunk_shape(scan: Scan, dimensions: int) -> tuple[int, ...]:
    """The data's own chunks (zarr, dask) where it has any of a sensible size, else blocks of 512
    pixels.
    """
    axes = scan.frame_axes(dimensions)
    shape = scan.frame_shape(dimensions)
    chunks = getattr(scan.data, "chunksize", None) or getattr(scan.data, "chunks", None)
    virtual = tuple(
        min(n, VIRTUAL_CHUNK if a in "yx" else 8) for n, a in zip(shape, axes, strict=True)
    )
    if chunks is None or len(chunks) != len(scan.axes):
        return virtual
    own = tuple(int(chunks[scan.axes.index(a)]) for a in axes)
    return own if 2**12 <= math.prod(own) <= 2**24 else virtual
