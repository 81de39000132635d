"""Convolutions as oneDNN runs them best on x86: torch.compile puts the same operators in; calling them needs no compiler."""

from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.parted_weight import PartedWeight

Tensor = torch.Tensor


class MkldnnConv:
    """A `Convolution` on the processor."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        dims = weight.ndim - 2
        self._weight, self._bias = PartedWeight(weight), bias
        self._shape = ([1] * dims, [1] * dims, [1] * dims, 1)  # padding, stride, dilation, groups

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self._convolved(x, self._weight.whole, "relu")

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = self._weight.parts(one.shape[1])
        summed = self._convolved(one, of_one, "none")
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        return add(summed, other, of_other, None, *self._shape, "add", 1.0, "relu", [], "")  # type: ignore[no-any-return]

    def _convolved(self, x: Tensor, weight: Tensor, after: str) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(x, weight, self._bias, *self._shape, after, [], "")  # type: ignore[no-any-return]
