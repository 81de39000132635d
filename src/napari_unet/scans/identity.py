"""How an image is recognised in a later session: by its shape and a hash of some of its pixels."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_unet.scans.scan import Scan

HASHED_PARTS = 16
HASHED_PX = 64  # along y and x; of other axes, one voxel


@dataclass(frozen=True)
class ScanIdentity:
    """What two images have in common if they are the same one."""

    shape: tuple[int, ...]
    dtype: str
    axes: str
    sha256: str


def identity_of(scan: "Scan") -> ScanIdentity:
    """Hash some small parts of an image: always the same ones, drawn by a seed from its shape."""
    hashed = hashlib.sha256()
    draw = np.random.default_rng([*scan.shape, len(scan.axes)])
    for _ in range(HASHED_PARTS):
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
