"""What a convolution needs that may be of two images instead of their concatenation."""

from functools import lru_cache

from napari_unet.model.torch_import import torch

Tensor = torch.Tensor


class PartedConvolution:
    """A weight (out, in, 3, 3(, 3)), whole or in two along its inputs, in the layout that the whole has, and a bias (out)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias
        self._ones = [1] * (weight.ndim - 2)  # padding, stride and dilation alike
        self._parts = lru_cache(maxsize=1)(self._parted)

    def _parted(self, first: int) -> tuple[Tensor, Tensor]:
        """The weights of the first so many inputs, and of the others."""
        whole = self._weight
        last = torch.channels_last if whole.ndim == 4 else torch.channels_last_3d
        layout = last if whole.is_contiguous(memory_format=last) else torch.contiguous_format
        one, other = torch.split(whole, [first, whole.shape[1] - first], dim=1)
        return one.contiguous(memory_format=layout), other.contiguous(memory_format=layout)
