"""Intensities on one scale, by the statistics of their frame."""

import numpy as np

from napari_unet.model.torch_import import torch
from napari_unet.segment.statistics import FrameStatistics
from napari_unet.segment.tiles.transfer import sent


def normalize(
    part: np.ndarray, statistics: FrameStatistics
) -> tuple[np.ndarray, np.ndarray | None]:
    """A (channels, *region) part with low at 0 and high at 1 as float32, and where it was not
    finite (None: nowhere).

    What is not finite takes the low value; a channel without contrast becomes 0 everywhere.
    """
    out, bad = normalize_on("cpu", part, statistics)
    return out.numpy(), bad


def normalize_on(
    device: str, part: np.ndarray, statistics: FrameStatistics
) -> tuple[torch.Tensor, np.ndarray | None]:
    """`normalize`, with the result on a device; what travels to a card is what was read, where that
    is no wider than float32.
    """
    finite = np.isfinite(part) if part.dtype.kind == "f" else None
    bad = None if finite is None or finite.all() else ~finite.all(axis=0)
    plain = _plain(part)
    there = sent(
        plain, device if device.startswith("cuda") and plain.dtype != np.float64 else "cpu"
    )
    out = torch.empty(part.shape, dtype=torch.float32, device=there.device)
    for channel, (low, high) in enumerate(zip(statistics.low, statistics.high, strict=True)):
        if not high > low:
            out[channel] = 0.0
            continue
        values = there[channel].to(torch.promote_types(there.dtype, torch.float32))
        if bad is not None and finite is not None:
            values = values.masked_fill(sent(~finite[channel], str(values.device)), low)
        if values.dtype == torch.float32:
            torch.sub(values, low, out=out[channel]).div_(high - low)
        else:
            out[channel] = (values - low).div_(high - low)
    return out.to(device), bad


def _plain(part: np.ndarray) -> np.ndarray:
    """Values in a number format that torch computes with: as they are up to 16 bits and in float32,
    else as float64.
    """
    own = part.dtype.newbyteorder("=")
    return part.astype(np.float64 if own.itemsize > 2 and own != np.float32 else own, copy=False)
