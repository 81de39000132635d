"""Which errors mean that memory was not enough, whatever library raised them: the one list. No
torch.

Where it says so, a run continues with smaller tiles or on another device; training, the command
line and the window make one sentence of it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from napari_unet.errors import NotEnoughMemoryError

WORDS = (
    "out of memory",  # torch: CUDA, HIP, XPU and Apple's MPS
    "can't allocate memory",  # torch on the processor of Linux and macOS
    "cannot allocate memory",  # the same systems, where torch or OpenVINO repeats their words
    "not enough memory",  # torch on the processor of Windows
    "invalid buffer size",  # MPS, for a buffer larger than Metal can make
    "alloc_failed",  # cuDNN, cuBLAS
    "allocation_failed",  # cuDNN since version 9
    "bad_alloc",  # OpenVINO and other C++ on Linux and macOS
    "bad allocation",  # the same on Windows
    "failed to allocate",  # OpenVINO's processor plugin, which says how many bytes
    "could not allocate",  # the same, in older versions
)
# Not in the list: CUDNN_STATUS_NOT_SUPPORTED, CUBLAS_STATUS_NOT_INITIALIZED and "unable to find an
# engine". They come with a full card too, but as often with a driver or an input that does not fit,
# for which smaller tiles are no cure.
TORCH_CLASS = "OutOfMemoryError"  # some of torch's allocators raise it without any of the words
SMALL_PAGING_FILE = 1455  # Windows' own number for it, which Python maps to no errno
NAMES = {"": "the device", "cpu": "this computer", "mps": "the Apple GPU"}
ADVICE = "Choose the processor, or a smaller part of the image."
PROCESSOR_ADVICE = "Close other programs, or choose a smaller part of the image."
MOST_WORDS = 200


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of ours, Python, numpy, torch or OpenVINO, on any device, means it."""
    if isinstance(error, (NotEnoughMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError):
        paging = getattr(error, "winerror", None) == SMALL_PAGING_FILE
        return error.errno == errno.ENOMEM or paging
    if any(kind.__name__ == TORCH_CLASS for kind in type(error).__mro__):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in WORDS)


def not_enough_memory(
    error: BaseException, device: str = "", advice: str = ""
) -> NotEnoughMemoryError:
    """The error of ours for one that means it: what happened, on which device, and what to do."""
    name = NAMES.get(device, device)
    advice = advice or (PROCESSOR_ADVICE if device == "cpu" else ADVICE)
    return NotEnoughMemoryError(f"The memory of {name} was not enough ({_words(error)}). {advice}")


@contextmanager
def memory_errors_explained(device: str = "", advice: str = "") -> Iterator[None]:
    """Raise `NotEnoughMemoryError` for whatever is raised within and means it."""
    try:
        yield
    except Exception as error:
        if isinstance(error, NotEnoughMemoryError) or not is_out_of_memory(error):
            raise
        raise not_enough_memory(error, device, advice) from error


def _words(error: BaseException) -> str:
    """The library's own words, without the places in its source that OpenVINO begins with."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith("Exception from ")]
    return said[0].rstrip(".")[:MOST_WORDS] if said else type(error).__name__
