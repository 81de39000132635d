"""What a result file is to hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.scans.scan import SPATIAL, Scan
from napari_unet.scans.units import to_um

# by the kind of number, about what compression leaves of labels and of probabilities
COMPRESSED = {"u": 1 / 8, "f": 7 / 8}


def _see_nothing() -> None:
    """Whatever is in its place may be replaced."""


@dataclass(frozen=True)
class ResultFile:
    """A result to be written: its path, the scan it belongs to, and facts about the run to store
    in it.

    With `channels` it holds class probabilities, with a channel axis before the first spatial one
    (the order that OME-NGFF asks for). `chunks` are those of a zarr, along the scan's axes without
    its channels. `look_again` is called just before the file takes its place, and raises
    `OutputError` where something has come there that it may not replace.
    """

    path: Path
    scan: Scan
    dtype: Any = np.uint8  # enough for numbers of classes; a run says what its task has
    channels: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None
    look_again: Callable[[], None] = _see_nothing

    @property
    def channel_axis(self) -> int:
        """Where the class probabilities have their channels: before the first spatial axis."""
        axes = self.scan.result_axes
        return next(n for n, letter in enumerate(axes) if letter in SPATIAL)

    @property
    def axes(self) -> str:
        """The scan's axes without its channels, with a "c" where there are class probabilities."""
        axes = self.scan.result_axes
        at = self.channel_axis
        return axes[:at] + "c" + axes[at:] if self.channels else axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each of the `axes`."""
        shape = self.scan.result_shape
        at = self.channel_axis
        return (*shape[:at], self.channels, *shape[at:]) if self.channels else shape

    def index_with_channels(self, index: tuple[int | slice, ...]) -> tuple[int | slice, ...]:
        """The index of class probabilities in the file, of the `index` that their labels have."""
        return (*index[: self.channel_axis], slice(None), *index[self.channel_axis :])

    @property
    def sizes_um(self) -> dict[str, float]:
        """Voxel sizes by axis letter; empty where the scan does not know them."""
        sizes = zip(self.scan.spatial_axes, self.scan.spacing, strict=True)
        known = {letter: to_um(size, self.scan.unit) for letter, size in sizes}
        return {letter: size for letter, size in known.items() if size is not None}


def compressed_bytes(dtype: Any, voxels: float) -> int:
    """About what so many numbers of a result take on a disk."""
    known = np.dtype(dtype)
    size: float = voxels * known.itemsize * COMPRESSED.get(known.kind, 1.0)
    return round(size)
