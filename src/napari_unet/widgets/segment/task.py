"""A run in its worker's thread: imports, loads the model, and fills the arrays that are shown."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.model.library import ModelEntry, load_entry
from napari_unet.progress import GetControl
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.statistics import empty_sentence
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.jobs.worker import JobWorker
from napari_unet.widgets.viewer.focus import ViewFocus
from napari_unet.words import plural

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.engine.protocol import Engine
    from napari_unet.segment.resumable.tiles import ResumableRun
    from napari_unet.segment.tiles.tile_result import TileResult
    from napari_unet.segment.totals import EnginesUsed

FILE_FACTS = ("statistics", "nonfinite", "engine", "engine_note")


@dataclass(frozen=True)
class TileShown:
    """A tile has been written: `done` of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class RunOrder:
    """What a run is: of which job, by which model, where the user looks, what it fills, and where
    it is kept besides, if anywhere.
    """

    model: ModelEntry
    job: SegmentJob
    focus: ViewFocus
    arrays: ResultArrays
    keep_in: Path | None = None

    @property
    def probabilities(self) -> Path | None:
        """Where probabilities are kept: beside the labels, if they are wanted."""
        path = self.keep_in
        return (
            path.with_name(f"{path.stem}-probabilities{path.suffix}")
            if path and self.job.settings.keep_probabilities
            else None
        )


def segment_in_worker(worker: JobWorker, order: RunOrder, facts: "Facts") -> None:
    """The part that runs in the thread."""
    if "torch" not in sys.modules:
        worker.report("Starting PyTorch (once per session)…")
    from napari_unet.segment.engine.choice import make_engine
    from napari_unet.segment.run_facts import run_facts
    from napari_unet.segment.totals import EnginesUsed
    from napari_unet.widgets.segment.file_task import keep_in_file

    model = load_entry(order.model)
    if order.keep_in is not None:
        keep_in_file(worker, order, order.keep_in, facts, model)
        return
    engine = make_engine(model, order.job.settings)
    facts.begin(run_facts(model, order.job, engine), EnginesUsed())
    fill(worker.report, worker.control, order, facts, model, engine)


def fill(
    tell: Callable[[object], None],
    control: GetControl,
    order: RunOrder,
    facts: "Facts",
    model: "Model",
    engine: "Engine",
    run: "ResumableRun | None" = None,
) -> None:
    """Compute what is missing, tile by tile, the nearest to what the user looks at first; into a
    `run` too, where one is kept.
    """
    from napari_unet.segment.engine.timed_engine import timed
    from napari_unet.segment.stream import stream

    job, before = (order.job, 0) if run is None else (run.job, run.skipped)
    with timed(engine, job.spec.architecture) as watched:
        for tile in stream(
            model,
            job,
            focus=lambda: order.focus.now,
            on_progress=tell,
            control=control,
            engine=watched,
        ):
            if run is not None:
                run.take(tile)
            order.arrays.write(tile)
            facts.add(tile)
            tell(TileShown(before + tile.done, before + tile.total))


class Facts:
    """What is known of a run, however it ends: how it is made, the statistics of each frame, voxels
    that were not finite.
    """

    def __init__(self) -> None:
        self.nonfinite = 0
        self._run: dict[str, Any] = {}
        self._engines: EnginesUsed | None = None
        self._statistics: dict[tuple[int, ...], Any] = {}
        self._file: dict[str, Any] = {}
        self.earlier = False  # whether tiles of an earlier run are kept
        self.unfinished = False  # whether a file is not in its place yet
        self.kept = ""

    def begin(self, run: dict[str, Any], engines: "EnginesUsed | None" = None) -> None:
        """Take what is known before the first tile; `engines` counts those that run, where any do."""
        self._run = run
        self._engines = engines

    @property
    def run(self) -> dict[str, Any]:
        """How the run was made, by what is known so far."""
        return {
            **self._run,
            **(self._engines.facts() if self._engines is not None else {}),
            **self._file,
        }

    def keep(self, run: "ResumableRun") -> None:
        """Take what a run that is kept says of itself, of tiles that were finished before too."""
        said = run.facts()
        self.kept = run.resume_hint
        self._file = {name: said[name] for name in FILE_FACTS if name in said}
        self.nonfinite = self._file.get("nonfinite", self.nonfinite)

    def add(self, tile: "TileResult") -> None:
        """Take what a tile says."""
        self._statistics[tile.frame] = tile.statistics
        self.nonfinite += tile.nonfinite
        if self._engines is not None:
            self._engines.take(tile)

    def told(self) -> str:
        """What ran, and what is to be known of it: the end of a sentence, and more sentences."""
        more = (
            self.run.get("engine_note", ""),
            _halo_sentence(self.run["halo"]),
            _nonfinite_sentence(self.nonfinite),
            empty_sentence(self._statistics.values()),
        )
        return " ".join(part for part in (f"with {self.run['engine']}.", *more) if part)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a layer's metadata."""
        frames = {
            ",".join(map(str, frame)): value.as_dict() for frame, value in self._statistics.items()
        }
        return {"statistics": frames, **self.run, "nonfinite": self.nonfinite}


def _halo_sentence(halo: Mapping[str, Any]) -> str:
    sides = " × ".join(map(str, dict.fromkeys(halo["voxels"])))
    return (
        f"Tiles had the model's measured context of {sides} voxels."
        if halo["kind"] == "measured"
        else ""
    )


def _nonfinite_sentence(count: int) -> str:
    if not count:
        return ""
    were = "was not a number" if count == 1 else "were not numbers"
    are = "is" if count == 1 else "are"
    return f"{plural(count, 'pixel')} {were} (NaN or infinite) and {are} background."
