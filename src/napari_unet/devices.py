"""What hardware there is: plain values, and the choice among them. No torch here."""

import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from napari_unet.errors import DeviceError
from napari_unet.words import plural

CGROUP = Path("/sys/fs/cgroup")
PROCESSORS = Path("/proc/cpuinfo")
OWN_CGROUPS = Path("/proc/self/cgroup")
# of control groups of version 2 and of version 1 ("memory"): the files with the limit, with what is
# taken and with statistics, and the line in these for cached files, which the system gives back
CGROUP_FILES = {
    "": ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    "memory": (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.stat",
        "total_inactive_file",
    ),
}


@dataclass(frozen=True)
class Device:
    """Hardware on which a network can run: `name` as torch writes it, `reason` why it can not be
    used.
    """

    name: str
    label: str
    usable: bool = True
    reason: str = ""
    memory_bytes: int | None = None

    def as_dict(self) -> dict[str, object]:
        """The device as plain values, for json."""
        return asdict(self)


def core_count() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def processor_name() -> str:
    """The processor's name as the system tells it."""
    with suppress(OSError):
        for line in PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cpu_device() -> Device:
    """The processor, which is always usable."""
    label = f"Processor ({plural(core_count(), 'core')})"
    return Device("cpu", label, memory_bytes=ram_available_bytes())


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
    raise DeviceError(
        f"There is no device {wanted!r} on this machine; usable: {names}. Choose one, or 'auto'."
    )


def ram_total_bytes() -> int:
    """Memory of the machine, or of the container, whatever else uses it."""
    import psutil

    total = int(psutil.virtual_memory().total)
    container = _container()
    return total if container is None else min(total, container.limit)


def ram_available_bytes() -> int:
    """Memory that can still be taken, within a container's limit too."""
    import psutil

    free = int(psutil.virtual_memory().available)
    container = _container()
    return free if container is None else min(free, max(0, container.limit - container.taken))


@dataclass(frozen=True)
class _Container:
    """How many bytes of memory a container may take, and how many it has taken, cached files not
    counted.
    """

    limit: int
    taken: int


def _container() -> _Container | None:
    """The tightest limit that control groups set; None where there is none, or none that can be
    read.
    """
    found = [_limits(folder, version) for version in CGROUP_FILES for folder in _groups(version)]
    return min(
        (each for each in found if each is not None),
        key=lambda each: each.limit - each.taken,
        default=None,
    )


def _groups(version: str) -> list[Path]:
    """The folder of the group that this process is in, and those of the groups around it, of
    version 2 ("") or 1 ("memory").
    """
    root = CGROUP / version
    inside = ""
    with suppress(OSError):
        for line in OWN_CGROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if version in controllers.split(","):
                inside = path.strip("/")
    own = root / inside
    return [folder for folder in (own, *own.parents) if folder.is_relative_to(root)]


def _limits(folder: Path, version: str) -> _Container | None:
    limit, current, statistics, spare = CGROUP_FILES[version]
    with suppress(OSError, ValueError):  # another version, no limit ("max"), or no container
        most = int((folder / limit).read_text())
        taken = int((folder / current).read_text())
        return _Container(most, taken - _line(folder / statistics, spare))
    return None


def _line(path: Path, name: str) -> int:
    """A number in a file with a name and a number in each line; 0 where it is not there."""
    with suppress(OSError, ValueError):
        return int(dict(line.split() for line in path.read_text().splitlines()).get(name, 0))
    return 0
