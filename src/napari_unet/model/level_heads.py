"""Heads on the other levels of a U-Net, whose scores are added to those of the last one.

The last level knows fine detail, and the deeper ones know what it belongs to; so a linear
classifier of all of them learns a new class from few voxels (hypercolumns: Hariharan et al., CVPR
2015). Each decoder level has a 1×1 convolution, and so has the first skip connection, which holds
what the image looks like before it is pooled. Scores are brought up level by level by linear
interpolation. It is written here in sums of neighbours: torch's `interpolate` computes positions
in floating point from the window's size, so that the same voxel could differ between windows.
"""

from collections.abc import Sequence

from napari_unet.model.config import UNetConfig
from napari_unet.model.head import head_of
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
nn = torch.nn

CONV = {2: nn.Conv2d, 3: nn.Conv3d}


class LevelHeads(nn.Module):
    """The heads of the first skip connection and of all decoder levels but the last.

    They have no biases: that of the last level's head is enough.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        channels = head_of(config).channels
        self.strides = config.level_strides[-2::-1]
        conv = CONV[config.dimensions]
        self.skip = conv(config.widths[0], channels, 1, bias=False)
        self.decoder = nn.ModuleList(
            conv(width, channels, 1, bias=False) for width in config.widths[-2:0:-1]
        )


class ScoreSum:
    """The scores of all heads of a network, added while its levels are computed; nothing where the
    network has no heads but the last level's.
    """

    def __init__(self, heads: LevelHeads | None) -> None:
        self._heads = heads
        self._levels = 0
        self._skip: Tensor | None = None
        self._risen: Tensor | None = None  # on the grid of the next level

    def add_skip(self, features: Tensor) -> None:
        """Take the scores of the first skip connection, (N, C, *space)."""
        if self._heads is not None:
            self._skip = self._heads.skip(features)

    def add_level(self, features: Tensor) -> None:
        """Take the scores of the next decoder level, (N, C, *space), the deepest first."""
        heads = self._heads
        if heads is None or self._levels == len(heads.decoder):
            return
        own = heads.decoder[self._levels](features)
        below = own if self._risen is None else self._risen + own
        self._risen = interpolated(below, heads.strides[self._levels])
        self._levels += 1

    def plus(self, last: Tensor) -> Tensor:
        """The sum of the scores of the last level, (N, K, *space), and those that were taken."""
        for scores in (self._skip, self._risen):
            last = last if scores is None else last + scores
        return last


def interpolated(images: Tensor, stride: Sequence[int]) -> Tensor:
    """(N, K, *space) to (N, K, *space·stride), linearly between the middles of voxels; beyond the
    middles of the outermost ones their values are repeated.
    """
    for axis, step in enumerate(stride, start=2):
        if step > 1:
            images = _along(images, axis, step)
    return images


def shares(step: int) -> list[tuple[int, float]]:
    """Where each of the `step` voxels that one becomes lies: the neighbour towards which it lies
    (-1, 1, or 0 if it is in the middle), and that neighbour's share of its value.
    """
    offsets = [(2 * part + 1 - step) / (2 * step) for part in range(step)]
    return [((offset > 0) - (offset < 0), abs(offset)) for offset in offsets]


def _along(images: Tensor, axis: int, step: int) -> Tensor:
    length = images.shape[axis]
    ends = images.narrow(axis, 0, 1), images.narrow(axis, length - 1, 1)
    neighbours = {
        -1: torch.cat([ends[0], images.narrow(axis, 0, length - 1)], dim=axis),
        0: images,
        1: torch.cat([images.narrow(axis, 1, length - 1), ends[1]], dim=axis),
    }
    parts = [(1 - share) * images + share * neighbours[side] for side, share in shares(step)]
    return torch.stack(parts, dim=axis + 1).flatten(axis, axis + 1)
