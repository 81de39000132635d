"""By what an image is known again: its form, and a hash of some of its pixels."""

import hashlib
from dataclasses import dataclass

import numpy as np

from napari_unet.scans.scan import Scan

HASHED_PLACES = 16
HASHED_PX = 64


@dataclass(frozen=True)
class ScanIdentity:
    """By what an image is known again."""

    shape: tuple[int, ...]
    dtype: str
    axes: str
    sha256: str


def identity_of(scan: Scan) -> ScanIdentity:
    """Read some small parts of an image, always the same, and hash them."""
    hashed = hashlib.sha256()
    draw = np.random.default_rng([*scan.shape, len(scan.axes)])
    for _ in range(HASHED_PLACES):
        index = []
        for letter, n in zip(scan.axes, scan.shape, strict=True):
            side = min(n, HASHED_PX if letter in "yx" else 1)
            start = int(draw.integers(0, n - side + 1))
            index.append(slice(start, start + side))
        part = np.ascontiguousarray(scan.data[tuple(index)])
        hashed.update(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes())
    return ScanIdentity(
        scan.shape,
        np.dtype(scan.data.dtype).newbyteorder("=").str.lstrip("<>=|"),
        scan.axes,
        hashed.hexdigest(),
    )
