"""What a device's memory rises to."""

import sys
from pathlib import Path

import psutil

from napari_unet.model.torch_import import torch

CARD = "cuda"
STATUS = Path("/proc/self/status")


class PeakMemory:
    """Memory above what is taken when this is made: of a card what torch takes of it, else of this
    process.

    A process's own peak is that of its life, so that only what goes beyond it is seen.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        if device.startswith(CARD):
            torch.cuda.reset_peak_memory_stats(device)
        self._taken = _taken(device)
        self._peak = _peak(device)

    def risen(self) -> int | None:
        """By how many bytes memory has risen at its peak; None where that can not be seen."""
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
    if (
        sys.platform == "linux"
    ):  # where what `resource` tells begins with what the process was forked from
        return _in_status("VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def _in_status(name: str) -> int | None:
    """A line of the kernel's about this process, in bytes; None where it tells none."""
    lines = (
        STATUS.read_text(encoding="ascii", errors="replace").splitlines() if STATUS.exists() else []
    )
    return next(
        (1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None
    )
