"""The only module that imports torch: a broken installation becomes one sentence here, and the
devices that torch can use are found.
"""

import os

from napari_unet.devices import Device, cpu_device, ram_available_bytes
from napari_unet.errors import TorchUnavailableError

# torch then asks Linux for large pages: a tenth less time for large windows
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
try:
    import torch as torch

    # from here, since `torch.optim.adamw` is the function, which hides the module of that name
    from torch.optim.adamw import adamw as adamw
except ImportError as error:
    raise TorchUnavailableError(
        f"PyTorch can not be imported ({error}). Install it with: pip install 'torch>=2.10', "
        "or ask `napari-unet doctor`."
    ) from error
except OSError as error:  # WinError 1114 after Qt, a missing system library
    raise TorchUnavailableError(
        f"PyTorch is installed but does not start ({error}). Restart napari; if that does not "
        "help, install it anew and ask `napari-unet doctor`."
    ) from error

__all__ = ["adamw", "computes_bfloat16", "find_devices", "free_bytes", "torch"]


def find_devices() -> list[Device]:
    """Every device on which a network can run here: accelerators first, the processor last."""
    return [*_cuda_devices(), *_mps_devices(), cpu_device()]


def free_bytes(device: str) -> int:
    """How many bytes a network can still take: of a card's own memory, or of the machine's."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # what torch has reserved and does not use is free for it, though not for others
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    if kind == "mps":  # the machine's memory, of which Metal lends a part
        lent = torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
        return min(ram_available_bytes(), max(0, int(lent)))
    return ram_available_bytes()


def computes_bfloat16(device: str) -> bool:
    """Whether a device has instructions for bfloat16, so that this is its faster number format."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # private functions of torch, which a later version may not have
    checks = [
        getattr(torch.cpu, name, None)
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    ]
    return device == "cpu" and any(check is not None and check() for check in checks)


def _cuda_devices() -> list[Device]:
    if not torch.cuda.is_available():
        return []
    return [_cuda_device(index) for index in range(torch.cuda.device_count())]


def _cuda_device(index: int) -> Device:
    facts = torch.cuda.get_device_properties(index)
    wanted = f"sm_{facts.major}{facts.minor}"
    built = torch.cuda.get_arch_list()
    usable = torch.version.hip is not None or any(
        arch.startswith(f"sm_{facts.major}") for arch in built
    )
    reason = "" if usable else f"this PyTorch has no kernels for {wanted} (only {', '.join(built)})"
    return Device(f"cuda:{index}", facts.name, usable, reason, int(facts.total_memory))


def _mps_devices() -> list[Device]:
    if not torch.backends.mps.is_available():
        return []
    return [Device("mps", "Apple GPU")]
