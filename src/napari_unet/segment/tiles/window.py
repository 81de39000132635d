"""A tile's window: what is read of the scan, normalised, on the model's grid, mirrored beyond the
frame's end.
"""

from dataclasses import dataclass

import numpy as np

from napari_unet.model.geometry import reflected
from napari_unet.model.torch_import import torch
from napari_unet.scans.resample import Weights
from napari_unet.scans.scan import Slices
from napari_unet.segment.statistics import FrameStatistics
from napari_unet.segment.tiles.normalize import Excluded, normalize_on
from napari_unet.segment.tiles.tiling import Lattice
from napari_unet.segment.tiles.transfer import sent


@dataclass(frozen=True)
class Window:
    """What is `read` of a frame for a tile, and how its window is made of that: per axis the
    model's voxels, and which of them.

    Read is a voxel more on each side, within the frame, since what is no image and what is a hot
    pixel is told by what is beside it; `inner` is the part of it that is used.
    """

    read: Slices
    inner: Slices
    weights: tuple[Weights, ...]
    picked: tuple[np.ndarray, ...]

    def made_of(self, part: np.ndarray, statistics: FrameStatistics, device: str) -> "Normalised":
        """The window of what was read, (C, *read), on a device."""
        out, excluded = normalize_on(device, part, statistics)
        out = out[(slice(None), *self.inner)]
        for axis, (weights, picked) in enumerate(
            zip(self.weights, self.picked, strict=True), start=1
        ):
            out = weighted(out, weights, axis)
            if not np.array_equal(picked, np.arange(out.shape[axis])):
                out = out.index_select(axis, sent(picked, str(out.device)))
        return Normalised(out, self.read, excluded)


@dataclass(frozen=True)
class Normalised:
    """A window (C, *window) float32 as a network gets it, and which of the voxels that were `read`
    are no image.
    """

    values: torch.Tensor
    read: Slices
    excluded: Excluded

    def excluded_in(self, write: Slices) -> Excluded:
        """The same for the part that is written, which lies within what was read."""
        return self.excluded.inside(
            tuple(
                slice(w.start - r.start, w.stop - r.start)
                for w, r in zip(write, self.read, strict=True)
            )
        )


def window_of(window: Slices, lattice: Lattice) -> Window:
    """What a window, in model voxels, is made of."""
    index = [
        np.array(reflected(part.start, part.stop, m.model_length))
        for part, m in zip(window, lattice.maps, strict=True)
    ]
    weights = tuple(
        m.to_model(int(i.min()), int(i.max()) + 1) for i, m in zip(index, lattice.maps, strict=True)
    )
    read = tuple(
        slice(max(0, w.first - 1), min(m.length, w.last + 1))
        for w, m in zip(weights, lattice.maps, strict=True)
    )
    inner = tuple(
        slice(w.first - r.start, w.last - r.start) for w, r in zip(weights, read, strict=True)
    )
    return Window(read, inner, weights, tuple(i - i.min() for i in index))


def weighted(values: torch.Tensor, weights: Weights, axis: int) -> torch.Tensor:
    """Another grid along an axis: the source voxels of the weights are replaced by their target
    voxels.
    """
    if weights.matrix is None:
        return values
    matrix = sent(weights.matrix, str(values.device))
    moved = values.movedim(axis, -1)
    if values.is_cuda:  # where others may have allowed coarser products of float32
        return (moved.double() @ matrix.double().T).float().movedim(-1, axis)
    return (moved @ matrix.T).movedim(-1, axis)
