"""Convolutions as oneDNN runs them best on x86: torch.compile puts the same operators in; calling them needs no compiler."""

from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.parted_convolution import PartedConvolution

Tensor = torch.Tensor


class MkldnnConv(PartedConvolution):
    """A `Convolution` on the processor."""

    def __call__(self, x: Tensor) -> Tensor:
        """(N, in, *space) to (N, out, *space)."""
        return self._convolved(x, self._weight, "relu")

    def of_two(self, one: Tensor, other: Tensor) -> Tensor:
        """(N, a, *space) and (N, b, *space), a + b = in, to (N, out, *space)."""
        of_one, of_other = self._parts(one.shape[1])
        summed, ones = self._convolved(one, of_one, "none"), self._ones
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        return add(summed, other, of_other, None, ones, ones, ones, 1, "add", 1.0, "relu", [], "")  # type: ignore[no-any-return]

    def _convolved(self, x: Tensor, weight: Tensor, after: str) -> Tensor:
        ones, convolve = self._ones, torch.ops.mkldnn._convolution_pointwise
        return convolve(x, weight, self._bias, ones, ones, ones, 1, after, [], "")  # type: ignore[no-any-return]
