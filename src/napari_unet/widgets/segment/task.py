"""A run in its worker's thread: imports, loads the model, and fills the arrays that are shown."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.model.library import ModelEntry, load_entry
from napari_unet.progress import GetControl
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.statistics.frame import empty_sentence
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

FILE_FACTS = ("statistics", "nonfinite", "engine", "engine_note", "engine_reason")


@dataclass(frozen=True)
class TileShown:
    """A tile has been written: `done` of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class RunOrder:
    """All that a run needs: the model, the job, which part is in view, the arrays to fill, and the
    file that keeps the result too, if any.
    """

    model: ModelEntry
    job: SegmentJob
    focus: ViewFocus
    arrays: ResultArrays
    keep_in: Path | None = None

    @property
    def probabilities(self) -> Path | None:
        """The file of the probabilities, beside that of the labels, if they are to be kept."""
        path = self.keep_in
        if path is None or not self.job.settings.keep_probabilities:
            return None
        return path.with_name(f"{path.stem}-probabilities{path.suffix}")


def segment_in_worker(worker: JobWorker, order: RunOrder, facts: "Facts") -> None:
    """The part that runs in the thread."""
    if "torch" not in sys.modules:
        worker.report("Starting PyTorch (once per session)…")
    from napari_unet.segment.engine.choice import make_engine
    from napari_unet.segment.run_facts import run_facts
    from napari_unet.segment.tiles.work import work_of
    from napari_unet.segment.totals import EnginesUsed
    from napari_unet.widgets.segment.file_task import keep_in_file

    model = load_entry(order.model)
    if order.keep_in is not None:
        keep_in_file(worker, order, order.keep_in, facts, model)
        return
    engine = make_engine(model, order.job.settings, work_of(order.job))
    facts.begin(run_facts(model, order.job, engine), EnginesUsed())
    fill(worker.report, worker.control, order, facts, model, engine)


def fill(
    report: Callable[[object], None],
    control: GetControl,
    order: RunOrder,
    facts: "Facts",
    model: "Model",
    engine: "Engine",
    run: "ResumableRun | None" = None,
) -> None:
    """Compute what is missing, tile by tile, nearest to the middle of the view first; into the file
    of a `run` too, where there is one.
    """
    from napari_unet.segment.engine.timed_engine import timed
    from napari_unet.segment.stream import stream

    job = order.job if run is None else run.job
    before = 0 if run is None else run.skipped
    with timed(engine, job.spec.architecture) as watched:
        for tile in stream(
            model,
            job,
            focus=lambda: order.focus.now,
            on_progress=report,
            control=control,
            engine=watched,
        ):
            if run is not None:
                run.take(tile)
            order.arrays.write(tile)
            facts.add(tile)
            report(TileShown(before + tile.done, before + tile.total))
    facts.warned = job.scan.warned.notes


class Facts:
    """What is known of a run, however it ends: how it is made, the statistics of each frame, and
    how many voxels were not finite.
    """

    def __init__(self) -> None:
        self.nonfinite = 0
        self._run: dict[str, Any] = {}
        self._engines: EnginesUsed | None = None
        self._statistics: dict[tuple[int, ...], Any] = {}
        self._file: dict[str, Any] = {}
        self.earlier = False  # whether there are tiles of an earlier run
        self.unfinished = False  # whether the file is not in its place yet
        self.warned: tuple[str, ...] = ()  # what libraries warned of in reads
        self.file_note = ""  # where the result is kept, or how to resume it

    def begin(self, run: dict[str, Any], engines: "EnginesUsed | None" = None) -> None:
        """Take what is known before the first tile; `engines` notes those that will run, if any."""
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

    def take_run(self, run: "ResumableRun") -> None:
        """Take what a resumable run knows of all its tiles, those that were finished before too."""
        said = run.facts()
        self.file_note = run.resume_hint
        self._file = {name: said[name] for name in FILE_FACTS if name in said}
        self.nonfinite = self._file.get("nonfinite", self.nonfinite)

    def add(self, tile: "TileResult") -> None:
        """Take the facts of a tile."""
        self._statistics[tile.frame] = tile.statistics
        self.nonfinite += tile.nonfinite
        if self._engines is not None:
            self._engines.take(tile)

    def summary(self) -> str:
        """What ran, and what was special: the end of a sentence, and more sentences."""
        more = (
            self.run.get("engine_note", ""),
            _halo_sentence(self.run["halo"]),
            _nonfinite_sentence(self.nonfinite),
            empty_sentence(self._statistics.values()),
            *self.warned,
        )
        return " ".join(part for part in (f"with {self.run['engine']}.", *more) if part)

    @property
    def details(self) -> str:
        """Why that engine ran."""
        return str(self.run.get("engine_reason", ""))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a layer's metadata."""
        frames = {
            ",".join(map(str, frame)): value.as_dict() for frame, value in self._statistics.items()
        }
        return {"statistics": frames, **self.run, "nonfinite": self.nonfinite}


def _halo_sentence(halo: Mapping[str, Any]) -> str:
    if halo["kind"] != "measured":
        return ""
    sides = " × ".join(map(str, dict.fromkeys(halo["voxels"])))  # equal sides are named once
    return f"Tiles had the model's measured context of {sides} voxels."


def _nonfinite_sentence(count: int) -> str:
    if not count:
        return ""
    were = "was not a number" if count == 1 else "were not numbers"
    are = "is" if count == 1 else "are"
    return f"{plural(count, 'pixel')} {were} (NaN or infinite) and {are} background."
