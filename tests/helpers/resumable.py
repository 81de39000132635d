"""Runs into zarr files that are interrupted, resumed and divided, with an engine that counts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import Part, ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.totals import RunTotals

NEW = ResumePolicy()


class Killed(BaseException):
    """What the counting engine raises where a test wants the process to end; nothing catches it."""


class Counting:
    """An engine that counts its runs, and raises `Killed` after so many of them."""

    def __init__(self, model: Model, most: int | None = None) -> None:
        self._engine = TorchEngine(model.network)
        self._most = most
        self.name = self._engine.name
        self.kind = self._engine.kind
        self.note = self._engine.note
        self.reason = self._engine.reason
        self.threads = self._engine.threads
        self.preparing_s = self._engine.preparing_s
        self.device = self._engine.device
        self.runs = 0

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if self.runs == self._most:
            raise Killed
        self.runs += 1
        return self._engine.run(window, control)

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        self._engine.fix_statistics(windows, control)


def run_resumable(
    model: Model,
    scan: Scan,
    outputs: Outputs,
    policy: ResumePolicy = NEW,
    engine: Counting | None = None,
    tile_px: int = 16,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> RunTotals:
    """One run as the command line does it; `Killed` where the engine raises it."""
    settings = SegmentSettings(
        tile_px=tile_px, device="cpu", keep_probabilities=outputs.probabilities is not None
    )
    engine = engine or Counting(model)
    wanted = None if policy.merge else engine
    with resumable_run(
        model, plan_job(model.spec, scan, settings), outputs, policy, wanted, on_progress, control
    ) as run:
        if not run.complete:
            for tile in stream(model, run.job, engine=engine):
                run.take(tile)
    return run


def run_killed(
    model: Model,
    scan: Scan,
    outputs: Outputs,
    most: int,
    policy: ResumePolicy = NEW,
    tile_px: int = 16,
) -> bool:
    """A run that is killed after `most` tiles; False where it was complete before."""
    try:
        run_resumable(model, scan, outputs, policy, Counting(model, most), tile_px)
    except Killed:
        return True
    return False


def run_parts(
    model: Model, scan: Scan, outputs: Outputs, order: Sequence[int], tile_px: int = 16
) -> list[RunTotals]:
    """All parts, in the given order."""
    return [
        run_resumable(
            model, scan, outputs, ResumePolicy(part=Part(number, len(order))), tile_px=tile_px
        )
        for number in order
    ]


def values(path: Path) -> np.ndarray:
    return np.asarray(read_scan(path).data[...])


def damage(folder: Path, number: int, content: bytes | None = b"damaged") -> Path:
    """Damage a chunk that lies in a folder, or remove it."""
    chunks = sorted(path for path in folder.rglob("c/**/*") if path.is_file())
    chosen = chunks[number % len(chunks)]
    chosen.unlink() if content is None else chosen.write_bytes(content)
    return chosen
