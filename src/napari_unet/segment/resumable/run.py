"""A run into zarr files that can be interrupted, gone on with, and divided among processes.

Finished tiles are in a folder beside the result's place (`scans/formats/zarr_partial.py`), with the
journals of all who wrote them (`journal`). Each tile of the plan fills whole chunks of the files,
so that no two writers meet in one; the plan is that of the first.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from napari_unet.errors import Cancelled
from napari_unet.model.model import Model
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.formats.write_lock import only_writer
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.files import RunFiles
from napari_unet.segment.resumable.part import ResumePolicy, writer_name
from napari_unet.segment.resumable.tiles import Restored, ResumableRun, Store
from napari_unet.segment.totals import RunTotals


class CompleteRun(RunTotals):
    """A run of which nothing is left, since its result is there already; its numbers are those of
    all of it, never of a part.
    """

    def __init__(self, job: SegmentJob, facts: Mapping[str, Any], store: Store) -> None:
        super().__init__(job)
        self._facts = facts
        self._store = store
        self.voxels += np.asarray(facts["voxels"], np.int64)
        self.nonfinite = int(facts["nonfinite"])
        self.skipped = int(facts["tiles"])

    @property
    def complete(self) -> bool:
        """Always."""
        return True

    @property
    def total(self) -> int:
        """How many tiles it has."""
        return self.skipped

    def restored(self) -> Iterator[Restored]:
        """All tiles, as the files hold them."""
        yield from self._store.restored(range(self._store.grid.total))

    def facts(self) -> dict[str, Any]:
        """What the result says of itself."""
        return dict(self._facts)


def complete_run(
    model: Model, job: SegmentJob, outputs: Outputs, policy: ResumePolicy
) -> CompleteRun | None:
    """The run whose result is there already, and is to be left as it is; it needs no engine. Raises
    `OutputError` as `resumable_run`.
    """
    with _alone(outputs, policy):
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

    What another has finished is checked, and not computed again. Whatever ends the run before it is
    complete leaves what is finished for another, except CANCEL, after which it is as if the run had
    never begun. Of a part or a share, the end completes nothing but that. Before a result takes its
    place, its coarser levels are made, which STOP leaves to another too. `engine` is what will run;
    a merge needs none.

    Raises `OutputError` where what was begun is of another run, or where this run is not wanted to
    touch it; where another computes the same at this moment; where a disk has no room; and where a
    merge finds parts that are missing.
    """
    with _alone(outputs, policy):
        if (complete := _complete_run(model, job, outputs, policy)) is not None:
            yield complete
        else:
            with _opened(
                RunFiles(model, job, outputs, policy, engine), policy, on_progress, control
            ) as run:
                yield run


@contextmanager
def _opened(
    files: RunFiles, policy: ResumePolicy, on_progress: OnProgress, control: GetControl
) -> Iterator[ResumableRun]:
    whole = False
    try:
        run = files.open(on_progress, control)
    except BaseException:
        files.forget()  # an empty folder would pass for an interrupted run
        raise
    try:
        yield run
        whole = run.complete and policy.whole and files.add_levels(run, on_progress, control)
    except Cancelled:
        run.forget()
        files.forget()
        raise
    finally:
        run.close()
        files.leave(run)
    if whole:
        files.finish(run)


def _alone(outputs: Outputs, policy: ResumePolicy) -> AbstractContextManager[None]:
    """Keep others from computing the same; a share may be done twice, since whose worker is lost
    may not have ended.
    """
    if policy.share is not None:
        return nullcontext()
    what = f"Part {policy.part} of {outputs.labels}" if policy.part else outputs.labels
    refusal = f"{what} is being computed by another run at this moment. Wait until that has ended."
    return only_writer(outputs.labels, writer_name(policy.part), refusal)
