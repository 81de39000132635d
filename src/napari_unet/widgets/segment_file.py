"""A run whose result is kept in a file besides: begun, gone on with, or there already."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import OutputError
from napari_unet.progress import Asked, Wish, should_stop
from napari_unet.scans.partial_zarr import facts_of, is_begun, open_partial
from napari_unet.segment.engine import make_engine
from napari_unet.segment.engines_used import EnginesUsed
from napari_unet.segment.kept_run import CompleteRun, complete_run, kept_run
from napari_unet.segment.part import Keeping
from napari_unet.segment.run import run_facts
from napari_unet.segment.run_plan import RUN
from napari_unet.segment.sink import Outputs
from napari_unet.widgets.job_worker import JobWorker
from napari_unet.widgets.segment_work import Facts, RunOrder, TileShown, fill

if TYPE_CHECKING:
    from napari_unet.model.model import Model
    from napari_unet.segment.kept_tiles import KeptRun

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
