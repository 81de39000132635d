"""A U-Net's forward pass with ReLU inside the convolutions, and without concatenation.

A convolution over two concatenated images is the sum of two convolutions, so the skip connection
needs no copy of both: less memory at the widest level, and less time. oneDNN convolves on the
processor, cuDNN on a card, by operators that torch has but does not document.
"""

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, cast

from napari_unet.model.level_heads import ScoreSum
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import Block, ConvNorm, UNet, cropped

nn = torch.nn
Tensor = torch.Tensor


class Convolution(Protocol):
    """A 3×3(×3) convolution with ReLU, of one image or of two as if they were concatenated."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Weight (out, in, 3, 3(, 3)) and bias (out), where and in the number format that images
        will be.
        """

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""


class SplitConvolution:
    """A weight (out, in, 3, 3(, 3)) and a bias (out); the weight also split in two along its
    inputs, in the memory layout of the whole.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight
        self._bias = bias
        self._ones = [1] * (weight.ndim - 2)  # padding, stride and dilation alike
        self._parts = lru_cache(maxsize=1)(self._split)  # a layer is always split at one place

    def _split(self, first: int) -> tuple[Tensor, Tensor]:
        """The weights of the first so many inputs, and of the others."""
        whole = self._weight
        last = torch.channels_last if whole.ndim == 4 else torch.channels_last_3d
        layout = last if whole.is_contiguous(memory_format=last) else torch.contiguous_format
        one, other = torch.split(whole, [first, whole.shape[1] - first], dim=1)
        return one.contiguous(memory_format=layout), other.contiguous(memory_format=layout)


class MkldnnConv(SplitConvolution):
    """A `Convolution` on the processor."""

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self._convolved(x, self._weight, "relu")

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = self._parts(one.shape[1])
        summed = self._convolved(one, of_one, "none")
        ones = self._ones
        # adds the second convolution to `summed` in place, then the ReLU
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        how: tuple[Any, ...] = (1, "add", 1.0, "relu", [], "")
        found: Tensor = add(summed, other, of_other, None, ones, ones, ones, *how)
        return found

    def _convolved(self, x: Tensor, weight: Tensor, after: str) -> Tensor:
        ones = self._ones
        convolve = torch.ops.mkldnn._convolution_pointwise
        how: tuple[Any, ...] = (ones, ones, ones, 1, after, [], "")
        return convolve(x, weight, self._bias, *how)  # type: ignore[no-any-return]


class CudnnConv(SplitConvolution):
    """A `Convolution` on a card."""

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        ones = self._ones
        return torch.cudnn_convolution_relu(x, self._weight, self._bias, ones, ones, ones, 1)

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = self._parts(one.shape[1])
        ones = self._ones
        summed = torch.convolution(one, of_one, None, ones, ones, ones, False, [0] * len(ones), 1)
        return torch.cudnn_convolution_add_relu(
            other, of_other, summed, 1.0, self._bias, ones, ones, ones, 1
        )


def folded(network: UNet) -> UNet:
    """A copy in evaluation mode whose BatchNorm layers are part of the convolutions before them."""
    copied = copy.deepcopy(network).eval()
    for part in copied.modules():
        if isinstance(part, ConvNorm) and isinstance(part.norm, (nn.BatchNorm2d, nn.BatchNorm3d)):
            part.conv = nn.utils.fusion.fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
    return copied


def can_fuse(network: UNet) -> bool:
    """Whether the folded network has only plain blocks without normalisation."""
    blocks = [part for part in network.modules() if isinstance(part, Block)]
    return all(
        block.skip is None and _bare(block.first) and _bare(block.second) for block in blocks
    )


def works(convolution: type[Convolution], dimensions: int, like: Tensor) -> bool:
    """Whether an operator, which torch may change or drop, gives what convolution and ReLU give, on
    the device and in the number format of `like`.
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(16, 16, *(3,) * dimensions, generator=generator) / 9
    bias = torch.randn(16, generator=generator)
    image = torch.randn(1, 16, *(8,) * dimensions, generator=generator)
    convolve = nn.functional.conv2d if dimensions == 2 else nn.functional.conv3d
    wanted = convolve(image, weight, bias, padding=1).relu()
    close = 1e-4 if like.dtype == torch.float32 else 1e-1
    try:
        with torch.inference_mode():
            fused = convolution(weight.to(like), bias.to(like))
            image = image.to(like)
            found = fused(image), fused.of_two(image[:, :8].contiguous(), image[:, 8:].contiguous())
            return all(
                torch.allclose(one.float().cpu(), wanted, rtol=close, atol=close) for one in found
            )
    # no operator of that name, not for this processor, or with other arguments
    except (AttributeError, RuntimeError, TypeError):
        return False


class FusedUNet:
    """A folded network's forward pass; `between` is called before each convolution."""

    def __init__(
        self, network: UNet, convolution: type[Convolution], between: Callable[[], None]
    ) -> None:
        self._network = network
        self._between = between
        encoder: list[Any] = list(network.encoder)
        decoder: list[Any] = list(network.decoder)

        def fused(part: ConvNorm) -> Convolution:
            return convolution(part.conv.weight.detach(), cast(Tensor, part.conv.bias).detach())

        self._encoder = [(fused(block.first), fused(block.second)) for block in encoder]
        self._pools: list[Any] = list(network.pools)
        self._decoder = [(up.up, fused(up.block.first), fused(up.block.second)) for up in decoder]

    def __call__(self, x: Tensor) -> Tensor:
        """Scores of (N, C, *space), on its grid."""
        size = x.shape[2:]
        x = self._network.padded(x)
        skips = []
        for level, convolutions in enumerate(self._encoder):
            x = self._in_turn(x, *convolutions)
            if level < len(self._decoder):
                skips.append(x)
                x = self._pools[level](x)
        scores = ScoreSum(self._network.level_heads)
        if skips:
            scores.add_skip(skips[0])
        for up, first, second in self._decoder:
            self._between()
            x = first.of_two(skips.pop(), up(x))
            x = self._in_turn(x, second)
            scores.add_level(x)
        return cropped(scores.plus(self._network.head(x)), size)

    def _in_turn(self, x: Tensor, *convolutions: Convolution) -> Tensor:
        for convolution in convolutions:
            self._between()
            x = convolution(x)
        return x


def _bare(part: ConvNorm) -> bool:
    """Whether a convolution has a bias, and no normalisation behind it."""
    return isinstance(part.norm, nn.Identity) and part.conv.bias is not None
