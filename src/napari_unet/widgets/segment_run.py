"""One run: a job in a thread, the arrays it fills, and the layers that show them."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import ModelFileError
from napari_unet.learn.corrections import Corrections
from napari_unet.model.library import ModelEntry, load_model
from napari_unet.progress import Progress
from napari_unet.segment.job import SegmentJob
from napari_unet.widgets.job_worker import Job, JobEnd, JobWorker, Task
from napari_unet.widgets.result_arrays import ResultArrays
from napari_unet.widgets.viewer_bridge.activity import Activity
from napari_unet.widgets.viewer_bridge.result_layer import ResultLayer
from napari_unet.widgets.viewer_bridge.view_focus import ViewFocus

CHANGED = "The model file has changed since it was chosen; choose it again."

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.engines_used import EnginesUsed
    from napari_unet.segment.stream import TileResult


@dataclass(frozen=True)
class TileShown:
    """A tile has been written: `done` of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, in one sentence for the user; `layer` names the result where there is one."""

    kind: Literal["done", "stopped", "cancelled", "failed"]
    sentence: str
    details: str = ""


Show = Callable[[ResultArrays], ResultLayer | None]


class SegmentRun(QObject):
    """Segments one scan into one `ResultLayer`; lives until it has ended, whatever becomes of the window."""

    waiting = Signal(str)
    progressed = Signal(object)
    ended = Signal(object)

    _alive: set["SegmentRun"] = set()  # noqa: RUF012

    def __init__(
        self, title: str, model: ModelEntry, job: SegmentJob, focus: ViewFocus, show: "Show", kept: Corrections | None = None
    ) -> None:
        """`show` puts the layers of the run into the viewer, when it is the run's turn; `kept` is what no tile covers."""
        super().__init__()
        self._arrays = arrays = ResultArrays(job, kept)
        self._focus = focus
        self._show: Show | None = show
        self._result: ResultLayer | None = None
        self._activity: Activity | None = None
        self._title = title
        self.model = model
        self._tiles = (0, 0)
        self._begun = 0.0
        self._facts = Facts()
        steps = (self._show_labels, self._show_hatching, self._show_activity)
        self._job = Job(Task(title, segment_in_worker), (model, job, focus, arrays, self._facts), job.settings.device, steps)
        self._job.waiting.connect(self.waiting)
        self._job.started.connect(self._on_job_started)
        self._job.told.connect(self._on_job_told)
        self._job.ended.connect(self._on_job_ended)

    @property
    def result(self) -> ResultLayer | None:
        """The layers of the run."""
        return self._result

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles are done, of how many."""
        return self._tiles

    def start(self) -> None:
        """Begin, or wait for the device."""
        self._alive.add(self)
        self._job.start()

    def stop(self) -> None:
        """End the run and keep what is done."""
        self._job.stop()

    def cancel(self) -> None:
        """End the run as if it had never begun."""
        self._job.cancel()

    def _on_job_started(self) -> None:
        self._begun = time.monotonic()

    def _show_labels(self) -> None:
        show, self._show = self._show, None
        self._result = show(self._arrays) if show is not None else None
        if self._result is None:  # the viewer was closed meanwhile
            self.cancel()
        else:
            self._result.gone.connect(self.cancel)

    def _show_hatching(self) -> None:
        if self._result is not None:
            self._result.add_hatching()

    def _show_activity(self) -> None:
        self._activity = Activity(self._title)

    def _on_job_told(self, message: object) -> None:
        if isinstance(message, Progress):
            if self._activity is not None:
                self._activity.show(message)
            self.progressed.emit(message)
        elif isinstance(message, TileShown):
            self._tiles = (message.done, message.total)
            if self._result is not None:
                self._result.show_changes()
        elif isinstance(message, str):
            self.waiting.emit(message)

    def _on_job_ended(self, end: JobEnd) -> None:
        self._alive.discard(self)
        self._show = None
        self._focus.stop()
        self._arrays.forget_scan()
        if self._activity is not None:
            self._activity.close()
        if self._result is not None:
            self._result.remove() if self._nothing_to_keep(end) else self._result.finish(self._facts.as_dict())
        self.ended.emit(self._report(end))

    def _nothing_to_keep(self, end: JobEnd) -> bool:
        return end.kind == "cancelled" or self._tiles[0] == 0

    def _report(self, end: JobEnd) -> RunEnd:
        done, total = self._tiles
        if end.kind == "cancelled":
            return RunEnd("cancelled", "Cancelled; nothing was kept.")
        if end.kind == "failed":
            kept = f" The {done} finished tiles of {total} are kept; the rest is marked as not computed." if done else ""
            return RunEnd("failed", end.sentence + kept, end.details)
        if done < total or total == 0:
            kept = f"{done} of {total} tiles are done, the rest is marked as not computed." if done else "nothing was done yet."
            return RunEnd("stopped", f"Stopped: {kept}")
        return RunEnd("done", f"Done in {duration(time.monotonic() - self._begun)} {self._facts.told()}")


def segment_in_worker(
    worker: JobWorker, entry: ModelEntry, job: SegmentJob, focus: ViewFocus, arrays: ResultArrays, facts: "Facts"
) -> None:
    """The part that runs in the thread: imports torch, loads the model, fills the arrays and the facts."""
    if "torch" not in sys.modules:
        worker.tell("Starting PyTorch (once per session)…")
    from napari_unet.segment.engine import make_engine, timed
    from napari_unet.segment.engines_used import EnginesUsed
    from napari_unet.segment.run import run_facts
    from napari_unet.segment.stream import stream
    from napari_unet.segment.waiting import Focus

    model = load_chosen(entry)
    engine = make_engine(model, job.settings)
    facts.begin(run_facts(model, job, engine), EnginesUsed())

    def look() -> Focus:
        looked = focus.now
        return Focus(looked.frame, looked.point)

    with timed(engine, job.spec.architecture) as watched:
        for tile in stream(model, job, focus=look, on_progress=worker.tell, asked=worker.asked, engine=watched):
            arrays.write(tile)
            facts.add(tile)
            worker.tell(TileShown(tile.done, tile.total))


def load_chosen(entry: ModelEntry) -> "Model":
    """The model as it was when it was chosen; raises `ModelFileError` where its file is another one by now."""
    model = load_model(entry.path)
    if entry.header is None or (model.spec, model.weights_sha256) != (entry.header.spec, entry.header.weights_sha256):
        raise ModelFileError(CHANGED)
    return model


class Facts:
    """What is known of a run, however it ends: how it is made, the statistics of each frame, voxels that were not finite."""

    def __init__(self) -> None:
        self.nonfinite = 0
        self._run: dict[str, Any] = {}
        self._engines: EnginesUsed | None = None
        self._statistics: dict[tuple[int, ...], Any] = {}

    def begin(self, run: dict[str, Any], engines: "EnginesUsed") -> None:
        """Take what is known before the first tile; `engines` counts those that run."""
        self._run, self._engines = run, engines

    @property
    def run(self) -> dict[str, Any]:
        """How the run was made, by what is known so far."""
        return {**self._run, **(self._engines.facts() if self._engines is not None else {})}

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
        return {**self.run, "statistics": frames, "nonfinite": self.nonfinite}


def duration(seconds: float) -> str:
    """How long something took, in words."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _halo_sentence(halo: Mapping[str, Any]) -> str:
    sides = " × ".join(map(str, dict.fromkeys(halo["voxels"])))
    return f"Tiles had the model's measured context of {sides} voxels." if halo["kind"] == "measured" else ""


def _nonfinite_sentence(count: int) -> str:
    return f"{count} pixels were not numbers (NaN or infinite) and are background." if count else ""
