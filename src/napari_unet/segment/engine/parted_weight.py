"""The weight of a convolution that may be of two images instead of their concatenation."""

from functools import lru_cache

from napari_unet.model.torch_import import torch

Tensor = torch.Tensor


class PartedWeight:
    """A weight (out, in, *kernel), whole or in two along its inputs, in the layout that the whole has."""

    def __init__(self, whole: Tensor) -> None:
        self.whole = whole
        self.parts = lru_cache(maxsize=1)(self._parts)

    def _parts(self, first: int) -> tuple[Tensor, Tensor]:
        """The weights of the first so many inputs, and of the others."""
        whole = self.whole
        last = torch.channels_last if whole.ndim == 4 else torch.channels_last_3d
        layout = last if whole.is_contiguous(memory_format=last) else torch.contiguous_format
        one, other = torch.split(whole, [first, whole.shape[1] - first], dim=1)
        return one.contiguous(memory_format=layout), other.contiguous(memory_format=layout)
