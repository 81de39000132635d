"""How fast each runner was on this machine, by network and kind of window; saved in the user's
cache beside the speeds of earlier runs. No torch.

Only the best figure of each is kept: a machine that is busy now will not be so for ever. Whoever
wants to know how things are at this moment measures (`threads`, `crowding`).
"""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from napari_unet.devices import core_count, processor_name
from napari_unet.errors import OutputError
from napari_unet.files.atomic import write_atomically
from napari_unet.files.cache import measurements_folder
from napari_unet.model.config import UNetConfig
from napari_unet.segment.engine.auto.runners import Runner, Workload
from napari_unet.segment.engine.kinds import (
    Precision,
    openvino_version,
    size_of,
    torch_version,
)

NAME = "engines.json"
MOST_KEYS = 200
BETTER = 0.95  # a figure is worth writing down from such a share of the one before on
SETUP = "setup"
# then it is measured anew: one that was unlucky would never have another chance
BELIEVED_DAYS = 30


@dataclass(frozen=True)
class Figure:
    """Seconds, and the day on which they were measured."""

    seconds: float
    date: str


class Figures:
    """What is known of each runner for one network and kind of window: seconds per voxel of a
    window for each number of threads, and seconds to get ready.
    """

    def __init__(self, config: UNetConfig, work: Workload, precision: Precision) -> None:
        self._size = size_of(work.voxels) if work.window else None
        self._key = _key(config, work, precision)
        today = datetime.now(UTC).date()
        self._today = today.isoformat()
        oldest = (today - timedelta(days=BELIEVED_DAYS)).isoformat()
        known = _read().get(self._key, {})
        self._known = {name: each for name, each in known.items() if each.date >= oldest}
        self._just_now: set[str] = set()

    def best(self, runner: Runner, threads: Iterable[int]) -> float | None:
        """Seconds per voxel with the fastest of these numbers of threads; None if not known."""
        found = [self.voxel_seconds(runner, number) for number in threads]
        return min((seconds for seconds in found if seconds is not None), default=None)

    def voxel_seconds(self, runner: Runner, threads: int) -> float | None:
        """Seconds per voxel of a window; None if not known."""
        known = self._known.get(_name(runner, threads))
        return None if known is None else known.seconds

    def setup_seconds(self, runner: Runner) -> float:
        """Seconds to get ready for the first window; 0 if not known."""
        known = self._known.get(_name(runner, SETUP))
        return 0.0 if known is None else known.seconds

    def measured(self, runner: Runner) -> str:
        """When a runner was measured, in words; empty if it was not."""
        names = [name for name in self._known if name.startswith(_name(runner, ""))]
        speeds = [name for name in names if not name.endswith(SETUP)]
        if any(name in self._just_now for name in speeds):
            return "just now"
        dates = [self._known[name].date for name in speeds]
        return f"on {max(dates)}" if dates else ""

    def of_this_kind(self, voxels: int) -> bool:
        """Whether a window with so many voxels is one of those that these figures are of."""
        return size_of(voxels) == self._size

    def take(self, runner: Runner, threads: int, seconds: float) -> None:
        """Note the seconds per voxel of a window that has run."""
        self._take(_name(runner, threads), seconds)

    def take_setup(self, runner: Runner, seconds: float) -> None:
        """Note how long a runner took to get ready."""
        self._take(_name(runner, SETUP), seconds)

    def _take(self, name: str, seconds: float) -> None:
        if not 0 < seconds < math.inf:
            return
        self._just_now.add(name)
        known = self._known.get(name)
        if known is None or seconds < BETTER * known.seconds:
            self._known[name] = Figure(seconds, self._today)
            _save(self._key, name, self._known[name])


def figures_file() -> Path:
    """The file of the figures, beside that of the speeds."""
    return measurements_folder() / NAME


def _key(config: UNetConfig, work: Workload, precision: Precision) -> str:
    """Network, kind of window and machine; windows within one doubling of voxels are one kind."""
    size = f"2^{size_of(work.voxels)} voxels"
    window = f"{len(work.window)}D windows of {size} in {precision}, one at a time"
    versions = f"torch {torch_version()}, openvino {openvino_version()}"
    return f"{config.identity}; {window}; {processor_name()}, {core_count()} cores, {versions}"


def _name(runner: Runner, threads: int | str) -> str:
    return f"{runner}, {threads}"


def _save(key: str, name: str, figure: Figure) -> None:
    """Write a figure down; where that is not possible, later runs measure again."""
    known = _read()
    # taken out and put in again: the oldest keys come first, and are dropped first
    known[key] = {**known.pop(key, {}), name: figure}
    latest = list(known.items())[-MOST_KEYS:]
    plain = {each: {n: asdict(f) for n, f in found.items()} for each, found in latest}
    text = json.dumps(plain, indent=1)
    path = figures_file()
    with suppress(OSError, OutputError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, lambda temporary: _write(temporary, text), private=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _read() -> dict[str, dict[str, Figure]]:
    """All saved figures; of a damaged file nothing, of a damaged entry only that."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(figures_file().read_text(encoding="utf-8"))
        entries = found.items() if isinstance(found, Mapping) else ()
        return {key: _sound(values) for key, values in entries}
    return {}


def _sound(values: Any) -> dict[str, Figure]:
    entries = values.items() if isinstance(values, Mapping) else ()
    return {name: figure for name, value in entries if (figure := _figure(value)) is not None}


def _figure(value: Any) -> Figure | None:
    if not isinstance(value, Mapping):
        return None
    seconds = value.get("seconds")
    if not isinstance(seconds, float) or not 0 < seconds < math.inf:
        return None
    return Figure(seconds, str(value.get("date", ""))[:10])
