"""The peak of a device's memory while something runs."""

import sys
from pathlib import Path

import psutil

from napari_unet.model.torch_import import torch

CARD = "cuda"
STATUS = Path("/proc/self/status")


class PeakMemory:
    """Memory beyond what is in use when this is made: of a card, what torch takes of it; else, of
    this process.

    Systems tell a process only the peak of its whole life, so a rise is only seen where it exceeds
    every earlier one.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        if device.startswith(CARD):
            torch.cuda.reset_peak_memory_stats(device)
        self._taken = _taken(device)
        self._peak = _peak(device)

    def risen(self) -> int | None:
        """By how many bytes memory rose at its peak; None where that can not be seen."""
        peak = _peak(self._device)
        if (
            peak is None
            or self._peak is None
            or (peak <= self._peak and not self._device.startswith(CARD))
        ):
            return None
        return peak - self._taken


def _taken(device: str) -> int:
    return int(
        torch.cuda.memory_allocated(device)
        if device.startswith(CARD)
        else psutil.Process().memory_info().rss
    )


def _peak(device: str) -> int | None:
    if device.startswith(CARD):
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if device != "cpu":
        return None
    # on Linux, `resource` would start from the peak of the process that this one was forked from
    if sys.platform == "linux":
        return _in_status("VmHWM")
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS tells bytes, others kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _in_status(name: str) -> int | None:
    """A line of the kernel's status of this process, in bytes; None where there is no such line."""
    if not STATUS.exists():
        return None
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    found = (1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return next(found, None)
