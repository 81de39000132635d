"""How the files of a run that can be gone on with are begun or found, and left or completed."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from napari_unet.errors import Cancelled, OutputError, ScanError
from napari_unet.files import check_room
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes
from napari_unet.progress import GetControl, OnProgress, Stopped
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.write_lock import forget_locks
from napari_unet.scans.formats.zarr_partial import (
    add_partial_levels,
    begin_partial,
    facts_of,
    finish_partial,
    forget_leftover,
    forget_partial,
    is_begun,
    open_complete,
    open_partial,
    partial_folder,
    reopen_partial,
    sweep_partial,
)
from napari_unet.scans.formats.zarr_pyramid import size_of_coarser
from napari_unet.scans.formats.zarr_write import writing
from napari_unet.scans.write import check_output
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs, Sink, files_of
from napari_unet.segment.resumable.identity import RUN, check_same, plan_run, same_result
from napari_unet.segment.resumable.journal import journals_of, read_journals
from napari_unet.segment.resumable.part import Part, ResumePolicy, share_of
from napari_unet.segment.resumable.tiles import ResumableRun, Store
from napari_unet.segment.run import run_facts
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.tile_grid import TileGrid, chunks_of
from napari_unet.segment.tiles.tiling import TilePlan, plan_tiles

PACKED = {
    "u": 1 / 8,
    "f": 7 / 8,
}  # about what is left of labels and of probabilities when they are compressed


class RunFiles:
    """The files of one run, and what of them is this run's own."""

    def __init__(
        self,
        model: Model,
        job: SegmentJob,
        outputs: Outputs,
        policy: ResumePolicy,
        engine: EngineFacts | None,
    ) -> None:
        """`engine` is what will run; a merge, which runs nothing, needs none."""
        if job.region != tuple(slice(0, n) for n in job.scan.frame_shape(job.dimensions)):
            raise ScanError("Only whole images are kept to be gone on with. Leave the region out.")
        self._job = job
        self._outputs = outputs
        self._policy = policy
        self._paths = [path for path in (outputs.labels, outputs.probabilities) if path is not None]
        self._folder = partial_folder(outputs.labels)
        self._facts = {} if engine is None else run_facts(model, job, engine)
        self._engine = engine
        self._own = plan_run(
            model, job, self._facts.get("engine", ""), (), policy.part.of if policy.part else None
        )
        self._parts: int | None = None
        self._begun_files: list[ResultFile] = []
        self._fresh = False  # begun by this run, for itself alone

    def complete_facts(self) -> Mapping[str, Any] | None:
        """The facts of a result that is there already and is what this run would give, if it is to
        be gone on with.
        """
        policy = self._policy
        if policy.share is not None or not (policy.resume or policy.merge):
            return None
        self._forget_leftovers()
        if is_begun(self._outputs.labels):
            return None
        facts = [facts_of(path) for path in self._paths]
        if not all(same_result(each.get(RUN, {}), self._own) for each in facts):
            return None
        for path in self._paths:
            forget_partial(path)  # a run that was killed while it removed its journals
        return facts[0]

    def complete_store(self, facts: Mapping[str, Any]) -> Store:
        """The files of such a result, and where its tiles lie."""
        files = self._files(facts[RUN])
        job = replace(self._job, core_px=tuple(facts[RUN]["core_px"]))
        sinks = tuple(Sink(file, open_complete(file.path)) for file in files)
        return Store(self._folder, sinks, TileGrid(job.frames, plan_of(job)))

    def open(self, on_progress: OnProgress, control: GetControl) -> ResumableRun:
        """Begin the files, or find those that were begun, and check what is finished; raises
        `OutputError` as `resumable_run` does.
        """
        if self._policy.share is None:  # what is before a share is done by who has begun the run
            self._make_place()
        store = self._store(self._begun())
        self._make_way_for_part()
        known = read_journals(self._folder)
        share = self._policy.share_of(store.grid.total)
        records = {number: said for number, said in known.tiles.items() if number in share}
        run = ResumableRun(
            self._job,
            store,
            share,
            self._policy,
            known,
            store.verified(records, on_progress, control),
        )
        if self._policy.merge:
            self._check_complete(run)
        self._begun_files = [sink.file for sink in store.sinks]
        _check_room(self._begun_files, 1 - len(known.tiles) / store.grid.total)
        return run

    def add_levels(self, run: ResumableRun, on_progress: OnProgress, control: GetControl) -> bool:
        """Make the coarser levels of all results, of which the finest are complete; False after
        STOP. An error says what is kept.
        """
        try:
            for file in self._begun_files:
                add_partial_levels(file, on_progress, control)
        except Stopped:
            return False
        except BaseException as error:
            if not isinstance(error, Cancelled):
                error.add_note(run.kept)
            raise
        return True

    def finish(self, run: ResumableRun) -> None:
        """Let the results take their places, the labels last: until then, the journals are beside
        them.
        """
        for path in reversed(self._paths):
            if not self._fresh or run.credited:
                sweep_partial(path)
            finish_partial(path, run.facts())
        forget_locks(self._outputs.labels)

    def leave(self, run: ResumableRun) -> None:
        """Leave what is finished to others; where nothing is, and nobody else can have begun,
        nothing is left.
        """
        if self._fresh and not run.finished and not read_journals(self._folder).tiles:
            self.forget()

    def forget(self) -> None:
        """Remove what only this run has begun."""
        if self._fresh:
            for path in self._paths:
                forget_partial(path)

    def _make_place(self) -> None:
        self._forget_leftovers()
        self._reopen()
        for path in self._paths:
            check_output(path, self._policy.overwrite)
        self._make_way()

    def _forget_leftovers(self) -> None:
        for path in self._paths:
            forget_leftover(path)

    def _reopen(self) -> None:
        """Where a run was killed after one of its results had taken its place, put that back."""
        labels = self._outputs.labels
        policy = self._policy
        if not is_begun(labels) or not (policy.resume or policy.merge):
            return
        plan = open_partial(labels)[1].get(RUN)
        for path in self._paths[1:]:
            if not is_begun(path) and facts_of(path).get(RUN) == plan:
                reopen_partial(path)

    def _make_way(self) -> None:
        """Where an interrupted run is neither gone on with nor done in parts, replace it or refuse."""
        policy = self._policy
        if policy.merge or policy.part is not None:
            return
        if policy.resume or not is_begun(self._outputs.labels):
            return
        if not policy.overwrite:
            raise OutputError(
                f"{self._folder} is what an interrupted run has finished. Give --resume to go on from it, or --overwrite to begin anew."
            )
        for path in self._paths:
            forget_partial(path)

    def _make_way_for_part(self) -> None:
        """The same for the journals of a part, which are all that says that its tiles are finished."""
        part = self._policy.part
        if part is None or self._policy.resume or not (own := journals_of(self._folder, part)):
            return
        if not self._policy.overwrite:
            raise OutputError(
                f"Part {part} of {self._folder} was begun before. Give --resume to go on, or --overwrite to do it again."
            )
        for path in own:
            path.unlink(missing_ok=True)

    def _begun(self) -> Mapping[str, Any]:
        """The plan of the run that was begun, here or by another, and is the same as this one."""
        if not is_begun(self._outputs.labels):
            self._begin()
        begun: Mapping[str, Any] = open_partial(self._outputs.labels)[1].get(RUN, {})
        check_same(self._folder, begun, self._own)
        self._parts = begun["parts"]
        return begun

    def _begin(self) -> None:
        if self._engine is None:
            raise OutputError(
                f"There is nothing to merge: {self._folder} does not exist. Run the parts first."
            )
        if self._policy.share is not None:
            raise OutputError(
                f"{self._folder} is not there. Workers need the output under the same path as here, on a file system that all share."
            )
        core_px = (
            self._job.core_px
            or lattice_of(self._job, self._engine.kind, free_bytes(self._engine.device))[1]
        )
        plan = replace(self._own, core_px=core_px).as_dict()
        files = self._files(plan)
        _check_room(files, 1.0)
        self._fresh = begin_partial(files[0]) and self._policy.whole

    def _store(self, plan: Mapping[str, Any]) -> Store:
        """Open the files of a plan; those of the probabilities are begun here."""
        self._job = replace(self._job, core_px=tuple(plan["core_px"]))
        sinks = []
        for file in self._files(plan):
            if not is_begun(file.path) and not self._policy.merge and self._policy.share is None:
                begin_partial(file)
            array, facts = open_partial(file.path)
            check_same(partial_folder(file.path), facts.get(RUN, {}), self._own)
            sinks.append(Sink(file, array))
        return Store(self._folder, tuple(sinks), TileGrid(self._job.frames, plan_of(self._job)))

    def _files(self, plan: Mapping[str, Any]) -> list[ResultFile]:
        job = replace(self._job, core_px=tuple(plan["core_px"]))
        return files_of(
            job, self._outputs, {**self._facts, RUN: dict(plan)}, chunks_of(job.scan, plan_of(job))
        )

    def _check_complete(self, run: ResumableRun) -> None:
        """Raise `OutputError` where tiles are missing: in which parts."""
        if not (missing := run.missing()):
            return
        parts = self._parts or 1
        total = run.finished + len(missing)
        shares = {
            f"{number}/{parts}": share_of(Part(number, parts), total)
            for number in range(1, parts + 1)
        }
        found = [
            name for name, share in shares.items() if any(number in share for number in missing)
        ]
        which = (
            f" in {'part' if len(found) == 1 else 'parts'} {', '.join(found)}" if parts > 1 else ""
        )
        raise OutputError(
            f"{len(missing)} of {total} tiles are missing{which}. Run what is missing with --resume, and merge again."
        )


def plan_of(job: SegmentJob) -> TilePlan:
    """The tiles of each frame of a job."""
    lattice, core_px = lattice_of(job)
    return plan_tiles(lattice, job.region, core_px)


def _check_room(files: list[ResultFile], left: float) -> None:
    """Raise `OutputError` where the disk of a file has no room for what is left of its finest
    level, and for the coarser ones.
    """
    for file in files:
        folder = file.path.resolve().parent
        with writing(folder / file.path.name):
            voxels = left * prod(file.shape) + size_of_coarser(file)
            check_room(
                folder,
                round(voxels * np.dtype(file.dtype).itemsize * PACKED[np.dtype(file.dtype).kind]),
            )
