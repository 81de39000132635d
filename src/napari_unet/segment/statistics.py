"""What normalises intensities: statistics that belong to the frame and to nothing smaller. No
torch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl, always_continue, heed
from napari_unet.scans.scan import Index, Scan, Slices

WHOLE_VOXELS = 2**22  # frames up to this size are read whole
MOST_CHUNKS = 64
FEWEST_CHUNKS = 8
VIRTUAL_CHUNK = 512  # side of what is read at once from an array without chunks


@dataclass(frozen=True)
class FrameStatistics:
    """Per channel the intensities that become 0 and 1, and how much of what was looked at is not
    finite.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    nonfinite_share: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)


def frame_statistics(
    scan: Scan,
    dimensions: int,
    frame: Index,
    how: Normalization,
    control: GetControl = always_continue,
) -> FrameStatistics:
    """Percentiles of each channel of a frame: over all of it up to 2²² voxels, else over whole
    chunks of a seeded choice.

    Where the two percentiles are one value (a few bright spots on nothing), the least and the
    largest take their place. Raises `ScanError` when more than half of the voxels looked at are NaN
    or infinite, `Stopped` or `Cancelled` as asked.
    """
    values = _sampled(scan, dimensions, frame, control)
    finite = np.isfinite(values) if values.dtype.kind == "f" else None
    share = 0.0 if finite is None else 1.0 - float(finite.mean())
    if share > 0.5:
        where = f"frame {', '.join(map(str, frame))}" if frame else "the image"
        raise ScanError(
            f"{share:.0%} of {where} is NaN or infinite; at most half may be. Fill or crop it first."
        )
    if how.kind == "none":
        return FrameStatistics((0.0,) * len(values), (1.0,) * len(values), share)
    bounds = [
        _bounds(channel if finite is None else channel[finite[n]], how)
        for n, channel in enumerate(values)
    ]
    return FrameStatistics(tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), share)


def _bounds(values: np.ndarray, how: Normalization) -> tuple[float, float]:
    if not values.size:
        return 0.0, 0.0
    low, high = percentiles(values, [how.low, how.high])
    if low == high:
        low = values.min()
        high = values.max()
    return float(low), float(high)


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


def _sampled(scan: Scan, dimensions: int, frame: Index, control: GetControl) -> np.ndarray:
    """What the statistics are of, (channels, values): of large chunks every k-th value, so that
    neither time nor memory grow with them.
    """
    regions = list(_sample(scan, dimensions))
    step = max(
        1,
        sum(math.prod(part.stop - part.start for part in region) for region in regions)
        // WHOLE_VOXELS,
    )
    parts = []
    seen = 0
    for region in regions:
        heed(control)
        part = scan.read(frame, region).reshape(scan.channels, -1)
        parts.append(part if step == 1 else part[:, -seen % step :: step].copy())
        seen += part.shape[1]
    return np.concatenate(parts, axis=1)


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
