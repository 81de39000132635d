"""What hardware there is: plain records, and the choice among them. No torch here."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_unet.errors import DeviceError

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Device:
    """One place where a network can run: `name` as torch writes it, `reason` why it can not be used."""

    name: str
    label: str
    usable: bool = True
    reason: str = ""
    memory_bytes: int | None = None

    def as_dict(self) -> dict[str, object]:
        """The record as plain values."""
        return asdict(self)


def core_count() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_device() -> Device:
    """The processor, which is always usable."""
    cores = core_count()
    return Device("cpu", f"Processor ({cores} core{'s' if cores > 1 else ''})", memory_bytes=ram_available_bytes())


def choose(wanted: str, devices: list[Device]) -> Device:
    """The device called `wanted`; "auto" takes the first usable one that is not the processor.

    Raises `DeviceError` for a device that is not there or can not be used.
    """
    usable = [device for device in devices if device.usable]
    if wanted == "auto":
        return next((device for device in usable if device.name != "cpu"), usable[0])
    meant = [device for device in devices if wanted in (device.name, device.name.partition(":")[0])]
    if found := next((device for device in meant if device.usable), None):
        return found
    if meant:
        raise DeviceError(f"{meant[0].label} can not be used: {meant[0].reason}")
    names = ", ".join(device.name for device in usable)
    raise DeviceError(f"There is no device {wanted!r} on this machine; usable: {names}. Choose one, or 'auto'.")


def ram_total_bytes() -> int:
    """Memory of the machine, or of the container, whatever else uses it."""
    import psutil

    total = int(psutil.virtual_memory().total)
    if CGROUP_LIMIT.exists() and (text := CGROUP_LIMIT.read_text().strip()).isdigit():
        total = min(total, int(text))
    return total


def ram_available_bytes() -> int:
    """Memory that can still be taken, with a container's limit counted in."""
    import psutil

    free = int(psutil.virtual_memory().available)
    if CGROUP_LIMIT.exists() and (text := CGROUP_LIMIT.read_text().strip()).isdigit():
        free = min(free, max(0, int(text) - psutil.Process().memory_info().rss))
    return free
