"""A tile's window: what is read of the scan for it, and how the network's input is made of that.

What was read is normalised, brought to the model's grid, and mirrored beyond the frame's end.
"""

from dataclasses import dataclass

import numpy as np

from napari_unet.model.geometry import reflected
from napari_unet.model.torch_import import torch
from napari_unet.scans.resample import Weights
from napari_unet.scans.scan import Slices
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.tiles.normalize import Excluded, normalize_on, with_margin
from napari_unet.segment.tiles.tiling import Lattice
from napari_unet.segment.tiles.transfer import to_device


@dataclass(frozen=True)
class Window:
    """What to `read` of a frame; then, for each axis, the `weights` that make model voxels of it,
    and the `picked` ones among these, in order: some come twice where the frame is mirrored.

    What is read has a margin (see `with_margin`); `inner` is the part of it that is used.
    """

    read: Slices
    inner: Slices
    weights: tuple[Weights, ...]
    picked: tuple[np.ndarray, ...]

    def build(self, part: np.ndarray, statistics: FrameStatistics, device: str) -> "NetworkInput":
        """The network's input, made on a device of what was read, (C, *read)."""
        values, excluded = normalize_on(device, part, statistics)
        values = values[(slice(None), *self.inner)]
        axes = zip(self.weights, self.picked, strict=True)
        for axis, (weights, picked) in enumerate(axes, start=1):
            values = resampled(values, weights, axis)
            if not np.array_equal(picked, np.arange(values.shape[axis])):
                values = values.index_select(axis, to_device(picked, str(values.device)))
        return NetworkInput(values, self.read, excluded)


@dataclass(frozen=True)
class NetworkInput:
    """A window's intensities (C, *window) float32, and which of the voxels that were `read` are no
    image.
    """

    values: torch.Tensor
    read: Slices
    excluded: Excluded

    def excluded_in(self, write: Slices) -> Excluded:
        """Which voxels are no image in the part that a tile writes, which lies in what was read."""
        return self.excluded.inside(
            tuple(
                slice(w.start - r.start, w.stop - r.start)
                for w, r in zip(write, self.read, strict=True)
            )
        )


def window_of(window: Slices, lattice: Lattice) -> Window:
    """How to make a window, given in model voxels."""
    index = [
        np.array(reflected(part.start, part.stop, m.model_length))
        for part, m in zip(window, lattice.maps, strict=True)
    ]
    weights = tuple(
        m.to_model(int(i.min()), int(i.max()) + 1) for i, m in zip(index, lattice.maps, strict=True)
    )
    read, inner = with_margin(
        tuple(slice(w.first, w.last) for w in weights), [m.length for m in lattice.maps]
    )
    return Window(read, inner, weights, tuple(i - i.min() for i in index))


def resampled(values: torch.Tensor, weights: Weights, axis: int) -> torch.Tensor:
    """Values on another grid along one axis: the weights say how each target voxel is made."""
    if weights.matrix is None:
        return values
    matrix = to_device(weights.matrix, str(values.device))
    moved = values.movedim(axis, -1)
    if values.is_cuda:
        # in double, since other code may have allowed torch coarser products of float32 there
        return (moved.double() @ matrix.double().T).float().movedim(-1, axis)
    return (moved @ matrix.T).movedim(-1, axis)
