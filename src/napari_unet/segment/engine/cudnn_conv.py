"""Convolutions as cuDNN runs them best on NVIDIA's cards: bias and ReLU, and the sum of two, without passes of their own."""

from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.parted_convolution import PartedConvolution

Tensor = torch.Tensor


class CudnnConv(PartedConvolution):
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
        return torch.cudnn_convolution_add_relu(other, of_other, summed, 1.0, self._bias, ones, ones, ones, 1)
