"""Convolutions as cuDNN runs them best on NVIDIA's cards: bias and ReLU, and the sum of two, without passes of their own."""

from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.parted_weight import PartedWeight

Tensor = torch.Tensor


class CudnnConv:
    """A `Convolution` on a card."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        dims = weight.ndim - 2
        self._weight, self._bias = PartedWeight(weight), bias
        self._shape = ([1] * dims, [1] * dims, [1] * dims, 1)  # stride, padding, dilation, groups

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return torch.cudnn_convolution_relu(x, self._weight.whole, self._bias, *self._shape)

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = self._weight.parts(one.shape[1])
        stride, padding, dilation, groups = self._shape
        summed = torch.convolution(one, of_one, None, stride, padding, dilation, False, [0] * len(stride), groups)
        return torch.cudnn_convolution_add_relu(other, of_other, summed, 1.0, self._bias, *self._shape)
