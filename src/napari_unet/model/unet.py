"""The U-Net of Ronneberger, Fischer & Brox (MICCAI 2015), and in 3D of Çiçek et al. (MICCAI 2016).

Each level has two 3×3(×3) convolutions. The encoder goes down by max pooling; the decoder comes up
by up-convolutions, and to each of its levels the encoder's features of that level are concatenated.
A 1×1 convolution, the head, ends it; there may be heads on the other levels, whose scores are added
(`model/level_heads.py`). Convolutions are zero-padded, so that the output has the size
of the input; an input of any size is mirrored up to a multiple of the strides, and the output
cropped.
"""

from collections.abc import Sequence
from typing import Any

from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import reflected, round_up, total_strides
from napari_unet.model.head import head_of
from napari_unet.model.level_heads import LevelHeads, ScoreSum
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
nn = torch.nn

CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
UP: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
POOL: dict[int, Any] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
DROPOUT: dict[int, Any] = {2: nn.Dropout2d, 3: nn.Dropout3d}
NORM: dict[tuple[str, int], Any] = {
    ("batch", 2): nn.BatchNorm2d,
    ("batch", 3): nn.BatchNorm3d,
    ("instance", 2): nn.InstanceNorm2d,
    ("instance", 3): nn.InstanceNorm3d,
}


class ConvNorm(nn.Module):
    """A 3×3(×3) convolution and a normalisation, whose shift makes a bias needless."""

    def __init__(self, config: UNetConfig, features_in: int, features_out: int) -> None:
        super().__init__()
        plain = config.norm == "none"
        self.conv = CONV[config.dimensions](features_in, features_out, 3, padding=1, bias=plain)
        self.norm = (
            nn.Identity()
            if plain
            else NORM[config.norm, config.dimensions](features_out, affine=True)
        )
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Two convolutions with ReLU; with `residual`, the input is added before the second ReLU."""

    def __init__(self, config: UNetConfig, features_in: int, features_out: int) -> None:
        super().__init__()
        self.first = ConvNorm(config, features_in, features_out)
        self.second = ConvNorm(config, features_out, features_out)
        self.skip = (
            CONV[config.dimensions](features_in, features_out, 1) if config.residual else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        y = self.second(torch.relu_(self.first(x)))
        if self.skip is not None:
            y = y + self.skip(x)
        return torch.relu_(y)


class Up(nn.Module):
    """A level of the decoder: up-convolution, concatenation of the encoder's features, a block."""

    def __init__(
        self, config: UNetConfig, features_in: int, features_out: int, stride: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.up = UP[config.dimensions](features_in, features_out, stride, stride)
        self.block = Block(config, 2 * features_out, features_out)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, in, *space) and (N, out, *space·stride) to (N, out, *space·stride)."""
        return self.block(torch.cat([skip, self.up(x)], dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """The whole network: images (N, channels in, *space) to scores (N, channels out, *space)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.strides = total_strides(config)
        widths = config.widths
        steps = config.level_strides
        self.encoder = nn.ModuleList(
            Block(config, before, after)
            for before, after in zip((config.in_channels, *widths[:-1]), widths, strict=True)
        )
        self.pools = nn.ModuleList(POOL[config.dimensions](step, step) for step in steps)
        self.dropout = DROPOUT[config.dimensions](config.dropout)
        self.decoder = nn.ModuleList(
            Up(config, widths[level + 1], widths[level], steps[level])
            for level in reversed(range(config.depth))
        )
        self.head = CONV[config.dimensions](widths[0], head_of(config).channels, 1)
        others = config.head_levels == "every" and config.depth > 0
        self.level_heads = LevelHeads(config) if others else None

    def forward(self, x: Tensor) -> Tensor:
        """Scores on the grid of `x`; `model.head` says what they mean."""
        size = x.shape[2:]
        x = self.padded(x)
        skips = []
        for block, pool in zip(self.encoder[:-1], self.pools, strict=True):
            skips.append(block(x))
            x = pool(skips[-1])
        x = self.dropout(self.encoder[-1](x))
        scores = ScoreSum(self.level_heads)
        if skips:
            scores.add_skip(skips[0])
        for up in self.decoder:
            x = up(x, skips.pop())
            scores.add_level(x)
        return cropped(scores.plus(self.head(x)), size)

    def padded(self, x: Tensor) -> Tensor:
        """`x`, mirrored at the end of each axis up to the next multiple of the stride."""
        fewest = 2 if self.config.norm == "instance" else 1  # one voxel has no variance
        for axis, stride in enumerate(self.strides, start=2):
            length = x.shape[axis]
            target = round_up(max(length, fewest * stride), stride)
            if target != length:
                index = reflected(0, target, length)
                x = x.index_select(axis, torch.tensor(index, device=x.device))
        return x


def cropped(x: Tensor, size: Sequence[int]) -> Tensor:
    """The first so many voxels along each axis of space of (N, C, *space)."""
    for axis, length in enumerate(size, start=2):
        x = x.narrow(axis, 0, length)
    return x
