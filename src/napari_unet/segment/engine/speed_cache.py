"""How fast windows were on this machine, and how much memory they took, both per voxel; saved in
the user's cache for the estimates of later runs. No torch.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.errors import OutputError
from napari_unet.files.atomic import write_atomically
from napari_unet.files.cache import measurements_folder
from napari_unet.model.config import UNetConfig
from napari_unet.segment.engine.kinds import Kind, size_of

NAME = "paces.json"
MOST_SETUPS = 100
# Sizes are in doublings of voxels. A window is estimated from measured ones that are up to four
# times as large or as small; from LARGE on, from any smaller one too: what a voxel takes there
# hardly depends on the size, and the weights no longer count.
NEAR = 2
LARGE = 20
PROBE_VOXELS = 2**LARGE
SIZES = range(64)

Entries = dict[str, dict[str, float]]  # by network, engine and device; then by the window's size


@dataclass(frozen=True)
class MeasuredSpeed:
    """Seconds for each voxel of windows of one size, by which engine on which device."""

    kind: Kind
    device: str
    size: int
    seconds: float


@dataclass(frozen=True)
class MeasuredMemory:
    """Bytes at the peak for each voxel of a window of one size, by which engine."""

    kind: Kind
    size: int
    voxel_bytes: float


def known_voxel_seconds(config: UNetConfig, kind: Kind, device: str, voxels: int) -> float | None:
    """Seconds for each voxel of a window with so many, measured in earlier runs of such a network;
    None where no window of about that size was.
    """
    known = _read().get(_speed_key(config, kind, device), {})
    wanted = size_of(voxels)
    distances = {int(size): abs(int(size) - wanted) for size in known}
    near = [
        (distance, known[str(size)])
        for size, distance in distances.items()
        if distance <= NEAR or LARGE <= size < wanted
    ]
    return min(near, default=(0, None))[1]


def known_voxel_bytes(config: UNetConfig, kind: Kind) -> float | None:
    """Bytes at the peak for each voxel of a window, measured in earlier runs of such a network;
    None where no large window was.
    """
    known = {
        int(size): found
        for size, found in _read().get(_memory_key(config, kind), {}).items()
        if int(size) >= LARGE
    }
    return known[max(known)] if known else None


def has_run(config: UNetConfig, kind: Kind, device: str) -> bool:
    """Whether an engine of that kind has run such a network here."""
    return _speed_key(config, kind, device) in _read()


def save_measurements(
    config: UNetConfig,
    speeds: Sequence[MeasuredSpeed],
    memory: Sequence[MeasuredMemory] = (),
    fresh: bool = False,
) -> None:
    """Save what a run has measured; where the cache can not be written, later runs do without.

    Memory measured in a `fresh` process, which has computed nothing before, replaces what is known;
    that of any other process only fills a gap, since it is less reliable.
    """
    if not (speeds or memory):
        return
    known = _read()
    new = [(_speed_key(config, each.kind, each.device), each.size, each.seconds) for each in speeds]
    taken = [(_memory_key(config, each.kind), each.size, each.voxel_bytes) for each in memory]
    for key, _, _ in taken if fresh else ():
        known.pop(key, None)
    new += [each for each in taken if each[0] not in known]
    for key, size, value in new:
        # taken out and put in again: the oldest keys come first, and are dropped first
        known[key] = {**known.pop(key, {}), str(size): value}
    latest = dict(list(known.items())[-MOST_SETUPS:])
    with suppress(OSError, OutputError):
        cache_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(cache_file(), lambda path: _write(path, latest), private=True)


def cache_file() -> Path:
    """The file of the measurements."""
    return measurements_folder() / NAME


def _speed_key(config: UNetConfig, kind: Kind, device: str) -> str:
    return f"{config.identity} by {kind} on {device}"


def _memory_key(config: UNetConfig, kind: Kind) -> str:
    return f"memory of {config.identity} by {kind}"


def _write(path: Path, entries: Entries) -> None:
    path.write_text(json.dumps(entries, indent=1), encoding="utf-8")


def _read() -> Entries:
    """The saved measurements; of a damaged file nothing, of a damaged entry only that."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(cache_file().read_text(encoding="utf-8"))
        entries = found.items() if isinstance(found, Mapping) else ()
        return {key: _sound(values) for key, values in entries}
    return {}


def _sound(values: Any) -> dict[str, float]:
    entries = values.items() if isinstance(values, Mapping) else ()
    return {
        size: value
        for size, value in entries
        if size in map(str, SIZES) and isinstance(value, float) and 0 < value < math.inf
    }
