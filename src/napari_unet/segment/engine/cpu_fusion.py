"""A U-Net's forward pass as oneDNN runs it best on x86: ReLU inside the convolutions, and nothing concatenated.

A convolution over two concatenated images is the sum of two convolutions, so the skip connection needs
no copy of both: less memory at the widest level, and less time. The operators are those that
torch.compile puts in; calling them by ourselves needs no compiler on the user's machine.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from napari_unet.model.torch_import import torch
from napari_unet.model.unet import Block, ConvNorm, UNet

nn = torch.nn
Tensor = torch.Tensor


def can_fuse(network: UNet) -> bool:
    """Whether the folded network has only plain blocks without normalisation, and this build of torch the operators for them."""
    blocks = [part for part in network.modules() if isinstance(part, Block)]
    plain = all(block.skip is None and _bare(block.first) and _bare(block.second) for block in blocks)
    return plain and operators_work(network.config.dimensions)


@cache
def operators_work(dimensions: int) -> bool:
    """Whether torch's own operators, which it may change or drop, give what a convolution and ReLU give; tried once."""
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(3, 4, *(3,) * dimensions, generator=generator), torch.randn(3, generator=generator)
    image = torch.randn(1, 4, *(6,) * dimensions, generator=generator)
    convolve = nn.functional.conv2d if dimensions == 2 else nn.functional.conv3d
    try:
        with torch.inference_mode():
            fused = _Conv(weight, bias)
            wanted = convolve(image, weight, bias, padding=1).relu()
            found = fused(image), fused.of_two(image[:, :1], image[:, 1:])
            return all(torch.allclose(one, wanted, rtol=1e-4, atol=1e-4) for one in found)
    except (AttributeError, RuntimeError, TypeError):  # none of that name, not for this processor, or with other arguments
        return False


class FusedUNet:
    """A folded network, called like it; `between` is called before each convolution."""

    def __init__(self, network: UNet, between: Callable[[], None]) -> None:
        self._network = network
        self._between = between
        encoder, decoder, pools = (cast(Any, list(parts)) for parts in (network.encoder, network.decoder, network.pools))
        self._encoder = [(_fused(block.first), _fused(block.second)) for block in encoder]
        self._pools = pools
        self._decoder = [(up.up, _fused(up.block.first), _fused(up.block.second)) for up in decoder]

    def __call__(self, x: Tensor) -> Tensor:
        """Scores before sigmoid or softmax of (N, C, *space), on its grid."""
        size = x.shape[2:]
        x = self._network.padded(x)
        skips = []
        for level, convolutions in enumerate(self._encoder):
            x = self._in_turn(x, *convolutions)
            if level < len(self._decoder):
                skips.append(x)
                x = self._pools[level](x)
        for up, first, second in self._decoder:
            self._between()
            x = first.of_two(skips.pop(), up(x))
            x = self._in_turn(x, second)
        return self._network.head(x)[(..., *(slice(n) for n in size))]  # type: ignore[no-any-return]

    def _in_turn(self, x: Tensor, *convolutions: "_Conv") -> Tensor:
        for convolution in convolutions:
            self._between()
            x = convolution(x)
        return x


class _Conv:
    """A 3×3(×3) convolution with ReLU, of one image or of two as if they were concatenated."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        dims = weight.ndim - 2
        self._layout = torch.channels_last if dims == 2 else torch.channels_last_3d
        self._weight, self._bias = weight.detach(), bias.detach()
        self._shape = ([1] * dims, [1] * dims, [1] * dims, 1)  # padding, stride, dilation, groups

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self._convolved(x, self._weight, "relu")

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = (
            part.contiguous(memory_format=self._layout) for part in torch.split(self._weight, [one.shape[1], other.shape[1]], dim=1)
        )
        summed = self._convolved(one, of_one, "none")
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        return add(summed, other, of_other, None, *self._shape, "add", 1.0, "relu", [], "")  # type: ignore[no-any-return]

    def _convolved(self, x: Tensor, weight: Tensor, after: str) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(x, weight, self._bias, *self._shape, after, [], "")  # type: ignore[no-any-return]


def _fused(part: ConvNorm) -> _Conv:
    return _Conv(part.conv.weight, cast(Tensor, part.conv.bias))


def _bare(part: ConvNorm) -> bool:
    return isinstance(part.norm, nn.Identity) and part.conv.bias is not None
