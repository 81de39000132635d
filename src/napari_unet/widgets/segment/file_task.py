"""A run whose result is kept in a file too: begun, resumed, or there already."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import OutputError
from napari_unet.progress import Control, GetControl, should_stop
from napari_unet.scans.formats.zarr_partial import facts_of, is_begun, open_partial
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.identity import RUN, begun_engine
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import CompleteRun, complete_run, resumable_run
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.tiles.work import work_of
from napari_unet.segment.totals import EnginesUsed
from napari_unet.widgets.jobs.worker import JobWorker
from napari_unet.widgets.segment.task import Facts, RunOrder, TileShown, fill

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.resumable.tiles import ResumableRun

HOW_TO_RESUME = "Segment with the same choices resumes from there"
RESUMING = ResumePolicy(resume=True, how_to_resume=HOW_TO_RESUME)
IN_FILE = "It is kept in {}."
FOUND = "It was made before, and is in {}."
TAKEN = "{} is there already, and is not what this run would give. Choose another name."


def keep_in_file(
    worker: JobWorker, order: RunOrder, path: Path, facts: Facts, model: "Model"
) -> None:
    """Show what the file holds already, and compute the rest into it; raises `OutputError` where
    something else is there.
    """
    outputs = Outputs(path, order.probabilities)
    facts.earlier = is_begun(path)
    if (found := _found(model, order, outputs)) is not None:
        _show(worker, order, facts, found)
        return

    def control() -> Control:
        """A window that closes stops the run, so that what is in the file stays there."""
        if worker.abort_requested and worker.requested is not Control.CANCEL:
            return Control.STOP
        return worker.control()

    begun = begun_engine(path)
    engine = make_engine(model, order.job.settings, work_of(order.job), begun)
    facts.begin(run_facts(model, order.job, engine), EnginesUsed())
    facts.unfinished = True
    with resumable_run(model, order.job, outputs, RESUMING, engine, worker.report, control) as run:
        if isinstance(run, CompleteRun):  # another process has just completed it
            _show(worker, order, facts, run)
            return
        try:
            _restore(worker, control, order, run)
            fill(worker.report, control, order, facts, model, engine, run)
        finally:
            facts.take_run(run)
    facts.unfinished = not path.exists()
    if not facts.unfinished:
        facts.file_note = run.problem or IN_FILE.format(path)


def _found(model: "Model", order: RunOrder, outputs: Outputs) -> CompleteRun | None:
    """The result that is there already, None where it is to be made; raises `OutputError` where
    another file has its name.
    """
    begun = is_begun(outputs.labels)
    both = (outputs.labels, outputs.probabilities)
    paths = [path for path in both if path is not None and path.exists()]
    if not begun and outputs.labels in paths:
        complete = complete_run(model, order.job, outputs, RESUMING)
        if complete is not None:
            return complete
    # a run that was killed at its very end has put the probabilities in place before the labels
    plan = open_partial(outputs.labels)[1].get(RUN) if begun else None
    for path in paths:
        if path == outputs.labels or plan is None or facts_of(path).get(RUN) != plan:
            raise OutputError(TAKEN.format(path))
    return None


def _show(worker: JobWorker, order: RunOrder, facts: Facts, found: CompleteRun) -> None:
    """Show a result that is there."""
    facts.earlier = True
    facts.unfinished = False
    facts.nonfinite = found.nonfinite
    facts.begin({name: value for name, value in found.facts().items() if name != RUN})
    _restore(worker, worker.control, order, found)
    facts.file_note = FOUND.format(order.keep_in)


def _restore(
    worker: JobWorker, control: GetControl, order: RunOrder, run: "ResumableRun | CompleteRun"
) -> None:
    """Show what is finished already."""
    for count, tile in enumerate(run.stored_tiles(), 1):
        if should_stop(control):
            return
        order.arrays.restore(tile)
        worker.report(TileShown(count, run.total))
