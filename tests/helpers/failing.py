"""An engine that fails in the middle of a run, and the errors of memory that is not enough."""

import errno
from collections.abc import Callable

import numpy as np
from numpy._core._exceptions import _ArrayMemoryError

from napari_unet.errors import EngineError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.torch_engine import TorchEngine

TORCH = f"torch {torch.__version__} on cpu"
BOTH = f"openvino 1.2 on cpu, then {TORCH}"
FAILED = "OpenVINO failed (no such instruction)."
NOTE = f"{FAILED} PyTorch runs instead."


# what each library says where memory is not enough, word for word
MEMORY_ERRORS: dict[str, Callable[[], Exception]] = {
    "torch, CUDA": lambda: torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 7.79 GiB of "
        "which 5.12 GiB is free. Including non-PyTorch memory, this process has 2.61 GiB in use."
    ),
    "torch, CUDA's own allocator": lambda: torch.OutOfMemoryError("Allocation on device "),
    "torch, CUDA outside of its allocator": lambda: RuntimeError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some "
        "other API call, so the stacktrace below might be incorrect."
    ),
    "torch, AMD": lambda: torch.OutOfMemoryError(
        "HIP out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 15.98 GiB."
    ),
    "torch, processor, Linux": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 281474976710656 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "torch, processor, Windows": lambda: RuntimeError(
        "[enforce fail at C:\\actions-runner\\_work\\pytorch\\pytorch\\c10\\core\\impl\\"
        "alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to allocate "
        "8589934592 bytes."
    ),
    "torch, Apple": lambda: RuntimeError(
        "MPS backend out of memory (MPS allocated: 17.72 GB, other allocations: 313.12 MB, max "
        "allowed: 18.13 GB). Tried to allocate 256.00 MB on private pool."
    ),
    "torch, Apple, one buffer": lambda: RuntimeError("Invalid buffer size: 19.45 GB"),
    "cuDNN": lambda: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "cuDNN 9": lambda: RuntimeError(
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"
    ),
    "cuBLAS": lambda: RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "OpenVINO": lambda: RuntimeError(
        "Exception from src/inference/src/cpp/infer_request.cpp:223:\nstd::bad_alloc"
    ),
    "OpenVINO, its allocator": lambda: RuntimeError(
        "Exception from src/core/src/runtime/allocator.cpp:79:\nstd::bad_alloc\n"
    ),
    "OpenVINO, its plugin": lambda: RuntimeError(
        "Exception from src/inference/src/cpp/core.cpp:117:\n"
        "Failed to allocate 4060086272 bytes of memory\n"
    ),
    "OpenVINO, Windows": lambda: RuntimeError(
        "Exception from src\\inference\\src\\cpp\\core.cpp:113:\n"
        "Exception from src\\inference\\src\\dev\\plugin.cpp:53:\n"
        "Exception from src\\core\\src\\runtime\\allocator.cpp:79:\nbad allocation\n"
    ),
    "numpy": lambda: _ArrayMemoryError((2**46,), np.dtype(np.float64)),
    "Python": lambda: MemoryError(),
    "the system": lambda: OSError(errno.ENOMEM, "Cannot allocate memory"),
}


def broken() -> Exception:
    return EngineError(FAILED)


def full() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")


class Failing:
    """An engine that runs some windows and then fails."""

    note = ""
    reason = ""
    threads = None
    preparing_s = 0.0

    def __init__(
        self, model: Model, failure: Callable[[], Exception], good: int = 0, device: str = "cpu"
    ) -> None:
        """On the processor it plays OpenVINO, elsewhere torch."""
        self._engine = TorchEngine(model.network)
        self._failure = failure
        self._good = good
        self.kind: Kind = "openvino" if device == "cpu" else "torch"
        self.name = f"{self.kind} 1.2 on {device}"
        self.device = device
        self.failed: list[tuple[int, ...]] = []

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if not self._good:
            self.failed.append(tuple(window.shape))
            raise self._failure()
        self._good -= 1
        return self._engine.run(window, control)

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        self._engine.fix_statistics(windows, control)

    def fall_back(self) -> bool:
        return False


def failing_over(model: Model, good: int) -> FallbackEngine:
    """An engine that torch replaces after some windows."""
    return FallbackEngine(
        Failing(model, broken, good), lambda note: TorchEngine(model.network, note=note)
    )
