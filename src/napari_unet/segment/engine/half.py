"""Which half precision a device computes fast, if any."""

from napari_unet.model.torch_import import computes_bfloat16, torch
from napari_unet.segment.engine.fallback import PROCESSOR


def half_on(device: str) -> torch.dtype | None:
    """float16 on cards, which is finer than bfloat16; bfloat16 on processors that have instructions for it, None on others."""
    if device != PROCESSOR:
        return torch.float16
    return torch.bfloat16 if computes_bfloat16(device) else None
