"""How fast tiles were on this machine, and how much memory they took, per voxel of a window; kept
in the user's cache. No torch.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.errors import OutputError
from napari_unet.files import write_atomically
from napari_unet.model.config import UNetConfig
from napari_unet.segment.engine.kinds import Kind

FOLDER_VARIABLE = "NAPARI_UNET_CACHE"
NAME = "paces.json"
MOST_SETUPS = 100
NEAR = 2  # windows may be four times larger or smaller than those whose speed is known
# from this size on, windows tell the speed of larger ones too, and what they take is that of their
# voxels
LARGE = 20
PROBE_VOXELS = 2**LARGE
SIZES = range(64)

Paces = dict[str, dict[str, float]]  # by setup, then by the size of windows


@dataclass(frozen=True)
class Measured:
    """A speed: which engine ran, where, on windows of which size, and how long a voxel took."""

    kind: Kind
    device: str
    size: int
    seconds: float


@dataclass(frozen=True)
class Weighed:
    """What a window took: which engine ran, on one of which size, and how many bytes that was at
    the peak for each of its voxels.
    """

    kind: Kind
    size: int
    voxel_bytes: float


def size_of(voxels: int) -> int:
    """The size of a window in doublings: windows of about one size are about as fast."""
    return round(math.log2(max(1, voxels)))


def known_pace(config: UNetConfig, kind: Kind, device: str, voxels: int) -> float | None:
    """Seconds per voxel of a window with so many, by earlier runs of such a network; None where
    there was none.
    """
    known = _read().get(_setup(config, kind, device), {})
    wanted = size_of(voxels)
    distances = {int(size): abs(int(size) - wanted) for size in known}
    near = [
        (far, known[str(size)])
        for size, far in distances.items()
        if far <= NEAR or LARGE <= size < wanted
    ]
    return min(near, default=(0, None))[1]


def known_voxel_bytes(config: UNetConfig, kind: Kind) -> float | None:
    """What a voxel of a window took at the peak, in bytes, by earlier runs of such a network; None
    where none was seen.
    """
    known = {
        int(size): found
        for size, found in _read().get(_weighing(config, kind), {}).items()
        if int(size) >= LARGE
    }
    return known[max(known)] if known else None


def has_run(config: UNetConfig, kind: Kind, device: str) -> bool:
    """Whether an engine of that kind has run such a network here."""
    return _setup(config, kind, device) in _read()


def keep_paces(
    config: UNetConfig,
    measured: Sequence[Measured],
    weighed: Sequence[Weighed] = (),
    fresh: bool = False,
) -> None:
    """Keep what a run has measured; where the cache can not be written, later runs do not know it.

    What windows took in a `fresh` process, which computed nothing before, takes the place of what
    is known; else nothing does.
    """
    if not (measured or weighed):
        return
    known = _read()
    new = [
        (_setup(config, found.kind, found.device), found.size, found.seconds) for found in measured
    ]
    taken = [(_weighing(config, found.kind), found.size, found.voxel_bytes) for found in weighed]
    new += [each for each in taken if fresh or each[0] not in known]
    for setup, _, _ in taken if fresh else ():
        known.pop(setup, None)
    for setup, size, value in new:
        known[setup] = {**known.pop(setup, {}), str(size): value}  # the last of all
    kept = dict(list(known.items())[-MOST_SETUPS:])
    with suppress(OSError, OutputError):
        pace_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(pace_file(), lambda path: _write(path, kept), private=True)


def pace_file() -> Path:
    """Where it is kept; the variable NAPARI_UNET_CACHE moves the folder."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder) / NAME
    from platformdirs import user_cache_path

    return user_cache_path("napari-unet-loop", appauthor=False) / NAME


def _setup(config: UNetConfig, kind: Kind, device: str) -> str:
    return f"{config.identity} by {kind} on {device}"


def _weighing(config: UNetConfig, kind: Kind) -> str:
    return f"memory of {config.identity} by {kind}"


def _write(path: Path, paces: Paces) -> None:
    path.write_text(json.dumps(paces, indent=1), encoding="utf-8")


def _read() -> Paces:
    """What is kept; nothing of what is damaged."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(pace_file().read_text(encoding="utf-8"))
        entries = found.items() if isinstance(found, Mapping) else ()
        return {setup: _sound(paces) for setup, paces in entries}
    return {}


def _sound(paces: Any) -> dict[str, float]:
    entries = paces.items() if isinstance(paces, Mapping) else ()
    return {
        size: pace
        for size, pace in entries
        if size in map(str, SIZES) and isinstance(pace, float) and 0 < pace < math.inf
    }
