"""A run into zarr files that can be interrupted, resumed, and divided among processes.

Until it is complete, the result lies in a folder beside its place
(`scans/formats/zarr_partial.py`), with the journals of all processes that write it (`journal`).
Each tile of the plan fills whole chunks of the files, so that no two processes write the same
chunk; the plan is made by the process that begins the run, and all others follow it.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from napari_unet.errors import Cancelled, OutputError
from napari_unet.files.only_writer import only_writer
from napari_unet.model.model import Model
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.files import RunFiles
from napari_unet.segment.resumable.part import ResumePolicy, writer_name
from napari_unet.segment.resumable.store import RunStore, StoredTile
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.totals import RunTotals


class CompleteRun(RunTotals):
    """A run with nothing left to compute, since its result is there already; its numbers are those
    of the whole result, never of a part.
    """

    def __init__(self, job: SegmentJob, facts: Mapping[str, Any], store: RunStore) -> None:
        super().__init__(job)
        self._facts = facts
        self._store = store
        self.counted += np.asarray(facts["voxels"], np.int64)
        self.nonfinite = int(facts["nonfinite"])
        self.skipped = int(facts["tiles"])
        known = facts.get("statistics", {}).items()
        self._statistics = {
            (number,): FrameStatistics.from_dict(values) for number, (_, values) in enumerate(known)
        }

    @property
    def complete(self) -> bool:
        """True: nothing is left to compute."""
        return True

    @property
    def total(self) -> int:
        """How many tiles it has."""
        return self.skipped

    def stored_tiles(self) -> Iterator[StoredTile]:
        """All tiles, as the files hold them."""
        yield from self._store.read_tiles(range(self._store.grid.total))

    def facts(self) -> dict[str, Any]:
        """What the result's metadata say."""
        return dict(self._facts)


def complete_run(
    model: Model, job: SegmentJob, outputs: Outputs, policy: ResumePolicy
) -> CompleteRun | None:
    """The run whose result is there already and is to be left as it is; None where there is
    something to do. Needs no engine; raises `OutputError` as `resumable_run`.
    """
    with _locked(outputs, policy):
        return _complete_run(model, job, outputs, policy)


def _complete_run(
    model: Model, job: SegmentJob, outputs: Outputs, policy: ResumePolicy
) -> CompleteRun | None:
    files = RunFiles(model, job, outputs, policy, None)
    facts = files.complete_facts()
    return None if facts is None else CompleteRun(job, facts, files.complete_store(facts))


@contextmanager
def resumable_run(
    model: Model,
    job: SegmentJob,
    outputs: Outputs,
    policy: ResumePolicy,
    engine: EngineFacts | None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> Iterator[ResumableRun | CompleteRun]:
    """Open the zarr files of a run: give the tiles of its `job` to `take`, and it is completed at
    the end.

    What an earlier run has finished is checked, and not computed again. Whatever ends the run
    before it is complete leaves the finished tiles for another run, except CANCEL, after which it
    is as if this run had never begun. The end of a part or a share completes nothing but that.
    Before a result takes its place, its coarser levels are made; STOP leaves them to another run
    too. `engine` is what will run; a merge needs none.

    Raises `OutputError` where another run than this one was begun, or the policy does not allow to
    touch it; where another process computes the same at this moment; where a disk has no room; and
    where a merge finds parts that are missing.
    """
    with _locked(outputs, policy):
        if (complete := _complete_run(model, job, outputs, policy)) is not None:
            yield complete
            return
        files = RunFiles(model, job, outputs, policy, engine)
        with _open_run(files, policy, on_progress, control) as run:
            yield run


@contextmanager
def _open_run(
    files: RunFiles, policy: ResumePolicy, on_progress: OnProgress, control: GetControl
) -> Iterator[ResumableRun]:
    whole = False
    try:
        run = files.open(on_progress, control)
    except BaseException:
        files.remove()  # an empty folder would look like an interrupted run
        raise
    try:
        yield run
        whole = run.complete and policy.whole and files.add_levels(run, on_progress, control)
    except Cancelled:
        run.remove_journal()
        files.remove()
        raise
    except BaseException:
        with suppress(OutputError):  # the first error is raised
            run.close()
        files.leave(run)
        raise
    with _resume_hint(run):
        run.close()
        files.leave(run)
        if whole:
            files.finish(run)


@contextmanager
def _resume_hint(run: ResumableRun) -> Iterator[None]:
    """Add how to resume to an error."""
    try:
        yield
    except OutputError as error:
        if run.resume_hint:
            error.add_note(run.resume_hint)
        raise


@contextmanager
def _locked(outputs: Outputs, policy: ResumePolicy) -> Iterator[None]:
    """Keep other processes from computing the same.

    A share is not locked: it may be done twice, since the worker that was given up for lost may
    still be running.
    """
    with ExitStack() as stack:
        for path in outputs.paths if policy.share is None else ():
            what = f"Part {policy.part} of {path}" if policy.part else path
            refusal = (
                f"{what} is being written by another run at this moment. Wait until that has ended."
            )
            stack.enter_context(only_writer(path, writer_name(policy.part), refusal))
        yield
