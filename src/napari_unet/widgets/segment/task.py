"""A run in its worker's thread: imports, loads the model, and fills the arrays that are shown."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.model.library import ModelEntry, load_entry
from napari_unet.progress import Asked
from napari_unet.segment.job import SegmentJob
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.jobs.job import JobWorker
from napari_unet.widgets.viewer.focus import ViewFocus

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.engine import Engine
    from napari_unet.segment.resumable.tiles import KeptRun
    from napari_unet.segment.stream import TileResult
    from napari_unet.segment.totals import EnginesUsed
from typing import TYPE_CHECKING

from napari_unet.errors import OutputError
from napari_unet.progress import Wish, should_stop
from napari_unet.scans.formats.zarr_partial import facts_of, is_begun, open_partial
from napari_unet.segment.engine import make_engine
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.identity import RUN
from napari_unet.segment.resumable.part import Keeping
from napari_unet.segment.resumable.run import CompleteRun, complete_run, kept_run
from napari_unet.segment.run import run_facts
from napari_unet.segment.totals import EnginesUsed

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.resumable.tiles import KeptRun


FILE_FACTS = ("statistics", "nonfinite", "engine", "engine_note")


@dataclass(frozen=True)
class TileShown:
    """A tile has been written: `done` of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class RunOrder:
    """What a run is: of which job, by which model, where the user looks, what it fills, and where it is kept besides, if anywhere."""

    model: ModelEntry
    job: SegmentJob
    focus: ViewFocus
    arrays: ResultArrays
    keep_in: Path | None = None

    @property
    def probabilities(self) -> Path | None:
        """Where probabilities are kept: beside the labels, if they are wanted."""
        path = self.keep_in
        return path.with_name(f"{path.stem}-probabilities{path.suffix}") if path and self.job.settings.keep_probabilities else None


def segment_in_worker(worker: JobWorker, order: RunOrder, facts: "Facts") -> None:
    """The part that runs in the thread."""
    if "torch" not in sys.modules:
        worker.tell("Starting PyTorch (once per session)…")
    from napari_unet.segment.engine import make_engine
    from napari_unet.segment.run import run_facts
    from napari_unet.segment.totals import EnginesUsed
    from napari_unet.widgets.segment.task import keep_in_file

    model = load_entry(order.model)
    if order.keep_in is not None:
        keep_in_file(worker, order, order.keep_in, facts, model)
        return
    engine = make_engine(model, order.job.settings)
    facts.begin(run_facts(model, order.job, engine), EnginesUsed())
    fill(worker.tell, worker.asked, order, facts, model, engine)


def fill(
    tell: Callable[[object], None],
    asked: Asked,
    order: RunOrder,
    facts: "Facts",
    model: "Model",
    engine: "Engine",
    run: "KeptRun | None" = None,
) -> None:
    """Compute what is missing, tile by tile, the nearest to what the user looks at first; into a `run` too, where one is kept."""
    from napari_unet.segment.engine import timed
    from napari_unet.segment.stream import stream
    from napari_unet.segment.tiles.queue import Focus

    def look() -> Focus:
        looked = order.focus.now
        return Focus(looked.frame, looked.point)

    job, before = (order.job, 0) if run is None else (run.job, run.skipped)
    with timed(engine, job.spec.architecture) as watched:
        for tile in stream(model, job, focus=look, on_progress=tell, asked=asked, engine=watched):
            if run is not None:
                run.take(tile)
            order.arrays.write(tile)
            facts.add(tile)
            tell(TileShown(before + tile.done, before + tile.total))


class Facts:
    """What is known of a run, however it ends: how it is made, the statistics of each frame, voxels that were not finite."""

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
        self._run, self._engines = run, engines

    @property
    def run(self) -> dict[str, Any]:
        """How the run was made, by what is known so far."""
        return {**self._run, **(self._engines.facts() if self._engines is not None else {}), **self._file}

    def keep(self, run: "KeptRun") -> None:
        """Take what a run that is kept says of itself, of tiles that were finished before too."""
        said, self.kept = run.facts(), run.kept
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
        more = (self.run.get("engine_note", ""), _halo_sentence(self.run["halo"]), _nonfinite_sentence(self.nonfinite))
        return " ".join(part for part in (f"with {self.run['engine']}.", *more) if part)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a layer's metadata."""
        frames = {",".join(map(str, frame)): value.as_dict() for frame, value in self._statistics.items()}
        return {"statistics": frames, **self.run, "nonfinite": self.nonfinite}


def _halo_sentence(halo: Mapping[str, Any]) -> str:
    sides = " × ".join(map(str, dict.fromkeys(halo["voxels"])))
    return f"Tiles had the model's measured context of {sides} voxels." if halo["kind"] == "measured" else ""


def _nonfinite_sentence(count: int) -> str:
    return f"{count} pixels were not numbers (NaN or infinite) and are background." if count else ""


KEEPING = Keeping(resume=True, how="Segment with the same choices goes on from there")
KEPT = "It is kept in {}."
FOUND = "It was made before, and is in {}."
TAKEN = "{} is there already, and is not what this run would give. Choose another name."


def keep_in_file(worker: JobWorker, order: RunOrder, path: Path, facts: Facts, model: "Model") -> None:
    """Show what the file holds already, and compute the rest into it; raises `OutputError` where something else is there."""
    outputs = Outputs(path, order.probabilities)
    facts.earlier = is_begun(path)
    if (found := _found(model, order, outputs)) is not None:
        _show(worker, order, facts, found)
        return

    def asked() -> Wish:
        """A window that closes ends the run, and does not take back what is kept."""
        return Wish.STOP if worker.abort_requested and worker.wish is not Wish.CANCEL else worker.asked()

    engine = make_engine(model, order.job.settings)
    facts.begin(run_facts(model, order.job, engine), EnginesUsed())
    facts.unfinished = True
    with kept_run(model, order.job, outputs, KEEPING, engine, worker.tell, asked) as run:
        if isinstance(run, CompleteRun):  # another process has just completed it
            _show(worker, order, facts, run)
            return
        try:
            _restore(worker, asked, order, run)
            fill(worker.tell, asked, order, facts, model, engine, run)
        finally:
            facts.keep(run)
    facts.unfinished = not path.exists()
    facts.kept = facts.kept if facts.unfinished else KEPT.format(path)


def _found(model: "Model", order: RunOrder, outputs: Outputs) -> CompleteRun | None:
    """The result that is there already; None where it is to be made."""
    begun = is_begun(outputs.labels)
    paths = [path for path in (outputs.labels, outputs.probabilities) if path is not None and path.exists()]
    if not begun and outputs.labels in paths and (complete := complete_run(model, order.job, outputs, KEEPING)) is not None:
        return complete
    plan = open_partial(outputs.labels)[1].get(RUN) if begun else None  # a run that was killed at its end has placed the others first
    if taken := [path for path in paths if path == outputs.labels or plan is None or facts_of(path).get(RUN) != plan]:
        raise OutputError(TAKEN.format(taken[0]))
    return None


def _show(worker: JobWorker, order: RunOrder, facts: Facts, found: CompleteRun) -> None:
    """Show a result that is there."""
    facts.earlier, facts.unfinished, facts.nonfinite = True, False, found.nonfinite
    facts.begin({name: value for name, value in found.facts().items() if name != RUN})
    _restore(worker, worker.asked, order, found)
    facts.kept = FOUND.format(order.keep_in)


def _restore(worker: JobWorker, asked: Asked, order: RunOrder, run: "KeptRun | CompleteRun") -> None:
    """Show what is finished already."""
    for count, tile in enumerate(run.restored(), 1):
        if should_stop(asked):
            return
        order.arrays.restore(tile)
        worker.tell(TileShown(count, run.total))
