"""Which half precision a device computes fast, if any, and what a network needs for it.

oneDNN's convolutions in bfloat16 read beyond the end of an image with an odd number of channels
where a volume has one slice (seen in torch 2.13). So such images get one more channel, of zeros.
"""

from typing import Any

from napari_unet.model.torch_import import computes_bfloat16, torch
from napari_unet.model.unet import UNet
from napari_unet.segment.engine.kinds import PROCESSOR


def half_on(device: str) -> torch.dtype | None:
    """float16 on cards, which is finer than bfloat16; bfloat16 on processors that have instructions
    for it, None on others.
    """
    if device != PROCESSOR:
        return torch.float16
    return torch.bfloat16 if computes_bfloat16(device) else None


def even_channels(batch: torch.Tensor) -> torch.Tensor:
    """(N, C, *space), with one more channel of zeros where C is odd."""
    return (
        torch.cat([batch, torch.zeros_like(batch[:, :1])], dim=1) if batch.shape[1] % 2 else batch
    )


def with_even_inputs(network: UNet) -> UNet:
    """The network with zero weights for the channel that `even_channels` adds; changed in place."""
    first: Any = network.encoder[0]
    for convolution in (first.first.conv, first.skip):
        if convolution is not None:
            convolution.weight = torch.nn.Parameter(
                even_channels(convolution.weight.detach()), requires_grad=False
            )
            convolution.in_channels = convolution.weight.shape[1]
    return network
