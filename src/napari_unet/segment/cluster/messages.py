"""What is sent to workers and what they send back, as plain values; and how tiles are divided among
them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.errors import SettingsError
from napari_unet.segment.engine.protocol import EngineSnapshot
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.settings import SegmentSettings

CHUNKS_PER_WORKER = 16  # many, so that all workers end at about the same time
LOCAL = "local"
WITHOUT_TLS = "tcp://"
ADDRESS = re.compile(r"(tls|tcp)://[^\s/]+:\d{1,5}")


@dataclass(frozen=True)
class WorkerSetup:
    """What each worker is sent once: the bytes of the model's file, and the settings.

    `name` is unique to the run. `threads` is how many a worker computes with; None leaves that to
    how the worker was started. `owned` workers were started by this program for this run alone.
    """

    name: str
    model: bytes
    settings: SegmentSettings
    threads: int | None = None
    owned: bool = False


@dataclass(frozen=True)
class ImageTask:
    """One image and where its results go, under paths that all workers see."""

    image: Path
    outputs: Outputs
    axes: str | None = None
    spacing: Sequence[float] | None = None
    channels: tuple[str, ...] = ()  # that are chosen; none, where the image has no others


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker answers before anything is computed: its engine, and how large its tiles can
    be, in model voxels.
    """

    engine: EngineSnapshot
    core_px: tuple[int, ...]


def divide(missing: Sequence[int], workers: int) -> list[range]:
    """The missing tiles in chunks of neighbours; each range goes from its first missing tile to its
    last, and may hold finished ones between them.
    """
    size = max(1, len(missing) // (max(1, workers) * CHUNKS_PER_WORKER))
    pieces = [missing[start : start + size] for start in range(0, len(missing), size)]
    return [range(piece[0], piece[-1] + 1) for piece in pieces]


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
    """The warning that an address without TLS needs, one sentence; empty for the others."""
    if not address.startswith(WITHOUT_TLS):
        return ""
    return (
        f"{address} has no TLS: whoever reaches that port can run any program on the scheduler and "
        "its workers."
    )
