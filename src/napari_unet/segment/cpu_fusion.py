"""A U-Net's forward pass as oneDNN runs it best on x86: ReLU inside the convolutions, and nothing concatenated.

A convolution over two concatenated images is the sum of two convolutions, so the skip connection needs
no copy of both: less memory at the widest level, and less time. The operators are those that
torch.compile puts in; calling them by ourselves needs no compiler on the user's machine.
"""

from collections.abc import Callable
from typing import Any, cast

from napari_unet.model.torch_import import torch
from napari_unet.model.unet import Block, ConvNorm, UNet

nn = torch.nn
Tensor = torch.Tensor


def can_fuse(network: UNet) -> bool:
    """Whether this build of torch has the operators, and the folded network only plain blocks without normalisation."""
    known = torch.backends.mkldnn.is_available() and all(  # type: ignore[no-untyped-call]
        hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_convolution_pointwise_")
    )
    blocks = [part for part in network.modules() if isinstance(part, Block)]
    return known and all(block.skip is None and _bare(block.first) and _bare(block.second) for block in blocks)


class FusedUNet:
    """A folded network, called like it; `between` is called before each convolution."""

    def __init__(self, network: UNet, between: Callable[[], None]) -> None:
        self._network = network
        self._between = between
        encoder, decoder, pools = (cast(Any, list(parts)) for parts in (network.encoder, network.decoder, network.pools))
        self._encoder = [(_Conv(block.first), _Conv(block.second)) for block in encoder]
        self._pools = pools
        self._decoder = [(up.up, _Conv(up.block.first), _Conv(up.block.second)) for up in decoder]

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

    def __init__(self, part: ConvNorm) -> None:
        conv = part.conv
        dims = conv.weight.ndim - 2
        self._layout = torch.channels_last if dims == 2 else torch.channels_last_3d
        self._weight, self._bias = conv.weight.detach(), conv.bias.detach()
        self._shape = ([1] * dims, [1] * dims, [1] * dims, 1)  # padding, stride, dilation, groups

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self._convolved(x, self._weight, "relu")

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = (
            part.contiguous(memory_format=self._layout) for part in self._weight.split([one.shape[1], other.shape[1]], dim=1)
        )
        summed = self._convolved(one, of_one, "none")
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        return add(summed, other, of_other, None, *self._shape, "add", 1.0, "relu", [], "")  # type: ignore[no-any-return]

    def _convolved(self, x: Tensor, weight: Tensor, after: str) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(x, weight, self._bias, *self._shape, after, [], "")  # type: ignore[no-any-return]


def _bare(part: ConvNorm) -> bool:
    return isinstance(part.norm, nn.Identity) and part.conv.bias is not None
