"""Which errors say that memory did not suffice; torch has a class for some of them, and for others,
as OpenVINO, only words.
"""

from napari_unet.model.torch_import import torch

WORDS = (
    "can't allocate memory",  # the processor, on Linux and macOS
    "not enough memory",  # the processor, on Windows
    "out of memory",  # CUDA and MPS, where they raise a plain RuntimeError
    "alloc_failed",  # cuDNN and cuBLAS
    "bad_alloc",  # OpenVINO
    "failed to allocate",  # OpenVINO's processor plugin, which says how many bytes
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of numpy, torch or OpenVINO, on any device, says that there was too little
    memory.
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in WORDS)
