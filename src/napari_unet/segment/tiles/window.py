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
from napari_unet.segment.tiles.normalize import normalize_on
from napari_unet.segment.tiles.tiling import Lattice
from napari_unet.segment.tiles.transfer import sent


@dataclass(frozen=True)
class Window:
    """What is `read` of a frame for a tile, and how its window is made of that: per axis the
    model's voxels, and which of them.
    """

    read: Slices
    weights: tuple[Weights, ...]
    picked: tuple[np.ndarray, ...]

    def made_of(self, part: np.ndarray, statistics: FrameStatistics, device: str) -> "Normalised":
        """The window of what was read, (C, *read), on a device."""
        out, bad = normalize_on(device, part, statistics)
        for axis, (weights, picked) in enumerate(
            zip(self.weights, self.picked, strict=True), start=1
        ):
            out = weighted(out, weights, axis)
            if not np.array_equal(picked, np.arange(out.shape[axis])):
                out = out.index_select(axis, sent(picked, str(out.device)))
        return Normalised(out, None if bad is None else NonFinite(self.read, bad))


@dataclass(frozen=True)
class NonFinite:
    """Voxels of a part that was read which are not finite."""

    read: Slices
    mask: np.ndarray

    def inside(self, write: Slices) -> np.ndarray:
        """The same for the part that is written, which lies within what was read."""
        return self.mask[
            tuple(
                slice(w.start - r.start, w.stop - r.start)
                for w, r in zip(write, self.read, strict=True)
            )
        ]


@dataclass(frozen=True)
class Normalised:
    """A window (C, *window) float32 as a network gets it, and which of the voxels that were read
    are not finite.
    """

    values: torch.Tensor
    nonfinite: NonFinite | None


def window_of(window: Slices, lattice: Lattice) -> Window:
    """What a window, in model voxels, is made of."""
    index = [
        np.array(reflected(part.start, part.stop, m.model_length))
        for part, m in zip(window, lattice.maps, strict=True)
    ]
    weights = tuple(
        m.to_model(int(i.min()), int(i.max()) + 1) for i, m in zip(index, lattice.maps, strict=True)
    )
    return Window(
        tuple(slice(w.first, w.last) for w in weights), weights, tuple(i - i.min() for i in index)
    )


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
