"""Intensities on the scale that networks expect, by the statistics of their frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import Slices
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.statistics.frame_sample import without_specks
from napari_unet.segment.statistics.no_data import surrounded, usable
from napari_unet.segment.tiles.transfer import to_device


@dataclass(frozen=True)
class Excluded:
    """Which voxels (*region) are no image: those not finite as float32, and those amid no data;
    None if there are none.
    """

    nonfinite: np.ndarray | None = None
    empty: np.ndarray | None = None

    @property
    def mask(self) -> np.ndarray | None:
        """Which are no image for either reason."""
        parts = [part for part in (self.nonfinite, self.empty) if part is not None]
        return np.logical_or.reduce(parts) if parts else None

    def inside(self, part: Slices) -> "Excluded":
        """The same for a part of the region."""
        nonfinite = None if self.nonfinite is None else self.nonfinite[part]
        return Excluded(nonfinite, None if self.empty is None else self.empty[part])


def with_margin(region: Slices, shape: Sequence[int]) -> tuple[Slices, Slices]:
    """A region of a frame with one voxel more on each side, as far as the frame goes, since no data
    and hot pixels are known by what is beside them; and where the region lies in that.
    """
    wide = tuple(
        slice(max(0, part.start - 1), min(n, part.stop + 1))
        for part, n in zip(region, shape, strict=True)
    )
    inner = tuple(
        slice(part.start - own.start, part.stop - own.start)
        for part, own in zip(region, wide, strict=True)
    )
    return wide, inner


def excluded_in(part: np.ndarray, statistics: FrameStatistics) -> np.ndarray | None:
    """Which voxels of a (channels, *region) part are no image; None if there are none."""
    return _to_fill(part, statistics)[1].mask


def normalize(
    part: np.ndarray, statistics: FrameStatistics
) -> tuple[np.ndarray, np.ndarray | None]:
    """A (channels, *region) part as float32, with the low intensity at 0 and the high one at 1,
    clipped; and a mask of the voxels that are no image, None if there are none.

    What is no image takes the low value; a channel without contrast becomes 0 everywhere.
    """
    values, excluded = normalize_on("cpu", part, statistics)
    return values.numpy(), excluded.mask


def normalize_on(
    device: str, part: np.ndarray, statistics: FrameStatistics
) -> tuple[torch.Tensor, Excluded]:
    """`normalize`, with the result on a device.

    To a card the part travels as it was read, if that is no wider than float32, and is normalised
    there: that moves the fewest bytes.
    """
    filled, excluded = _to_fill(part, statistics)
    plain = _plain(_settled(part, statistics) if statistics.specks else part)
    on_card = device.startswith("cuda") and plain.dtype != np.float64
    source = to_device(plain, device if on_card else "cpu")
    out = torch.empty(part.shape, dtype=torch.float32, device=source.device)
    for channel, (low, high) in enumerate(zip(statistics.low, statistics.high, strict=True)):
        if not high > low:
            out[channel] = 0.0
            continue
        values = source[channel].to(torch.promote_types(source.dtype, torch.float32))
        if filled is not None:
            values = values.masked_fill(to_device(filled[channel], str(values.device)), low)
        if values.dtype == torch.float32:
            torch.sub(values, low, out=out[channel]).div_(high - low)
        else:  # in double until the end: large whole numbers are not exact in float32
            out[channel] = (values - low).div_(high - low)
        if statistics.clip is not None:
            out[channel].clamp_(*statistics.clip)
    return out.to(device), excluded


def _settled(part: np.ndarray, statistics: FrameStatistics) -> np.ndarray:
    """The part with single voxels beyond the clip replaced by what is beside them; of the outermost
    voxels that is right only where the frame ends.
    """
    out = part.copy()
    for channel in statistics.specks:
        least, most = statistics.bounds(channel, part.dtype)
        beyond = (part[channel] < least) | (part[channel] > most)
        if beyond.any():
            out[channel][beyond] = without_specks(part[channel])[beyond]
    return out


def _to_fill(part: np.ndarray, statistics: FrameStatistics) -> tuple[np.ndarray | None, Excluded]:
    """Which values of each channel are to be replaced (channels, *region), and where there is no
    image: where a channel is no number, and amid no data of all channels, which may have such gaps.
    Single voxels that have the value of no data by chance are replaced, but stay image.
    """
    finite = _finite(part, statistics)
    filled = None if finite is None else ~finite
    nonfinite = None if filled is None else np.logical_or.reduce(filled)
    empty = statistics.empty_in(part)
    if empty is None:
        return filled, Excluded(nonfinite)
    filled = empty if filled is None else filled | empty
    amid = surrounded(np.logical_and.reduce(filled))
    return filled, Excluded(nonfinite, amid if amid.any() else None)


def _finite(part: np.ndarray, statistics: FrameStatistics) -> np.ndarray | None:
    """Where the values of each channel are usable on its scale; None: everywhere."""
    ranges = zip(part, statistics.low, statistics.high, strict=True)
    masks = [usable(channel, low, high) for channel, low, high in ranges]
    if all(mask is None for mask in masks):
        return None
    everywhere = np.ones(part.shape[1:], bool)
    return np.stack([everywhere if mask is None else mask for mask in masks])


def _plain(part: np.ndarray) -> np.ndarray:
    """Values in a number format that torch computes with: up to 16 bits and float32 as they are,
    others as float64.
    """
    own = part.dtype.newbyteorder("=")
    return part.astype(np.float64 if own.itemsize > 2 and own != np.float32 else own, copy=False)
