"""What workers are given and what they give back, as plain values, and how tiles are divided among
them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.errors import SettingsError
from napari_unet.segment.engine.protocol import KnownEngine
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.settings import SegmentSettings

CHUNKS_PER_WORKER = 16  # so that workers end at about the same time, and progress is seen


@dataclass(frozen=True)
class Kit:
    """What each worker is given once: the bytes of the model's file, and the settings.

    `threads` are those of a worker, where they are not left to how it was started; one that is
    `owned` was started for this run alone.
    """

    name: str
    model: bytes
    settings: SegmentSettings
    threads: int | None = None
    owned: bool = False


@dataclass(frozen=True)
class Order:
    """One image and where its results go, under paths that all workers see."""

    image: Path
    outputs: Outputs
    axes: str | None = None
    spacing: Sequence[float] | None = None


@dataclass(frozen=True)
class Survey:
    """What a worker says before anything runs: of its engine, and how large its tiles can be, in
    model voxels.
    """

    engine: KnownEngine
    core_px: tuple[int, ...]


def divide(missing: Sequence[int], workers: int) -> list[range]:
    """The tiles that are missing, in chunks that lie close together; each is from its first such
    tile to its last.
    """
    size = max(1, len(missing) // (max(1, workers) * CHUNKS_PER_WORKER))
    pieces = [missing[start : start + size] for start in range(0, len(missing), size)]
    return [range(piece[0], piece[-1] + 1) for piece in pieces]


LOCAL = "local"
OPEN = "tcp://"
ADDRESS = re.compile(r"(tls|tcp)://[^\s/]+:\d{1,5}")


def parse_scheduler(text: str) -> str:
    """The address of a scheduler, or the word that starts one; raises `SettingsError` for anything
    else.
    """
    address = text.strip()
    if address != LOCAL and ADDRESS.fullmatch(address) is None:
        raise SettingsError(
            f"A scheduler is tls://host:port, tcp://host:port or {LOCAL}; got {text!r}."
        )
    return address


def warning_of(address: str) -> str:
    """What is to be known of an address before it is used, one sentence or nothing."""
    if not address.startswith(OPEN):
        return ""
    return f"{address} has no TLS: whoever reaches that port can run any program on the scheduler and its workers."
