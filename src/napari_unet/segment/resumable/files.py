"""The files of a resumable run: how they are begun or found, and how they are left or completed."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_unet.errors import Cancelled, OutputError, ScanError
from napari_unet.files.moves import remove
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes
from napari_unet.progress import GetControl, OnProgress, Stopped
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_partial import (
    add_partial_levels,
    begin_partial,
    facts_of,
    finish_partial,
    is_begun,
    open_complete,
    open_partial,
    partial_folder,
    remove_leftover,
    remove_partial,
    remove_torn_chunks,
    reopen_partial,
)
from napari_unet.scans.formats.zarr_write import restore_old, writing
from napari_unet.scans.write import check_output
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs, Sink, result_files
from napari_unet.segment.resumable.identity import RUN, check_same, plan_run, same_result
from napari_unet.segment.resumable.journal import part_journals, read_run_journals
from napari_unet.segment.resumable.part import Part, ResumePolicy, share_of
from napari_unet.segment.resumable.store import RunStore, check_room_for
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.tile_grid import TileGrid, chunks_of
from napari_unet.segment.tiles.tiling import TilePlan, plan_tiles


class RunFiles:
    """The files of one run, and which of them this run has begun."""

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
            raise ScanError("Only a run of a whole image can be resumed. Leave the region out.")
        self._job = job
        self._outputs = outputs
        self._policy = policy
        self._paths = outputs.paths
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
        """The facts of a result that is there already, if it is what this run would give and the
        policy lets it be used.
        """
        policy = self._policy
        if policy.share is not None or not (policy.resume or policy.merge):
            return None
        self._remove_leftovers()
        if is_begun(self._outputs.labels):
            return None
        facts = [facts_of(path) for path in self._paths]
        if not all(same_result(each.get(RUN, {}), self._own) for each in facts):
            return None
        for path in self._paths:
            remove_partial(path)  # left by a run that was killed while it removed this
        return facts[0]

    def complete_store(self, facts: Mapping[str, Any]) -> RunStore:
        """The files of such a result, and the numbers of its tiles."""
        files = self._files(facts[RUN])
        job = replace(self._job, core_px=tuple(facts[RUN]["core_px"]))
        sinks = tuple(Sink(file, open_complete(file.path)) for file in files)
        return RunStore(self._folder, sinks, TileGrid(job.frames, plan_of(job)))

    def open(self, on_progress: OnProgress, control: GetControl) -> ResumableRun:
        """Begin the files, or find those that were begun, and check what is finished; raises
        `OutputError` as `resumable_run` does.
        """
        if self._policy.share is None:  # the run that a share belongs to has done it
            self._prepare_outputs()
        store = self._store(self._begun_plan())
        self._prepare_part()
        known = read_run_journals(self._folder)
        share = self._policy.share_of(store.grid.total)
        records = {number: found for number, found in known.tiles.items() if number in share}
        finished = store.verified(records, on_progress, control)
        run = ResumableRun(self._job, store, self._policy, known, finished)
        if self._policy.merge:
            self._check_complete(run)
        self._begun_files = [sink.file for sink in store.sinks]
        check_room_for(self._begun_files, 1 - len(known.tiles) / store.grid.total)
        return run

    def add_levels(self, run: ResumableRun, on_progress: OnProgress, control: GetControl) -> bool:
        """Make the coarser levels of all results, whose finest are complete; False after STOP. An
        error gets a note on how to resume.
        """
        try:
            for file in self._begun_files:
                if run.gave_up(file.path):
                    continue
                add_partial_levels(file, on_progress, control)
        except Stopped:
            return False
        except BaseException as error:
            if not isinstance(error, Cancelled):
                error.add_note(run.resume_hint)
            raise
        return True

    def finish(self, run: ResumableRun) -> None:
        """Move the results to their places, the labels last: their folder holds the journals, and
        as long as it is there, a run that is killed in between can be resumed.
        """
        for path in self._paths:  # something may have come there meanwhile
            check_output(path, self._policy.overwrite)
        for path in reversed(self._paths):
            if run.gave_up(path):
                remove_partial(path)  # zarr's threads may have begun another chunk when it was
                continue
            if not self._fresh or run.credited:  # other processes may have left torn chunks
                remove_torn_chunks(path)
            finish_partial(path, run.facts())

    def leave(self, run: ResumableRun) -> None:
        """Leave finished tiles for a later run; where there are none, neither of this run nor of
        another, remove everything.
        """
        if self._fresh and not run.finished and not read_run_journals(self._folder).tiles:
            self.remove()

    def remove(self) -> None:
        """Remove the files, if this run has begun them and no other can have used them."""
        if self._fresh:
            for path in self._paths:
                remove_partial(path)

    def _prepare_outputs(self) -> None:
        self._restore_old()
        self._remove_leftovers()
        self._reopen()
        for path in self._paths:
            check_output(path, self._policy.overwrite)
        self._replace_or_refuse()

    def _remove_leftovers(self) -> None:
        for path in self._paths:
            remove_leftover(path)

    def _restore_old(self) -> None:
        """Put back what a killed run had moved aside; only a whole run does that, and only it looks
        here.
        """
        for path in self._paths if self._policy.whole else ():
            target = Path(os.path.realpath(path))
            if target.parent.exists():
                restore_old(target)

    def _reopen(self) -> None:
        """Move a result back that had taken its place already when its run was killed before all
        had.
        """
        labels = self._outputs.labels
        policy = self._policy
        if not is_begun(labels) or not (policy.resume or policy.merge):
            return
        plan = open_partial(labels)[1].get(RUN)
        for path in self._paths[1:]:
            if not is_begun(path) and facts_of(path).get(RUN) == plan:
                reopen_partial(path)

    def _replace_or_refuse(self) -> None:
        """Where an interrupted run is there and this one neither resumes it nor is a part of it,
        replace it or refuse.
        """
        policy = self._policy
        if policy.merge or policy.part is not None:
            return
        if policy.resume or not is_begun(self._outputs.labels):
            return
        if not policy.overwrite:
            raise OutputError(
                f"{self._folder} is what an interrupted run has finished. Give --resume to go on "
                "from it, or --overwrite to begin anew."
            )
        for path in self._paths:
            remove_partial(path)

    def _prepare_part(self) -> None:
        """The same for a part: to replace it, its journals are removed, since they alone say that
        its tiles are finished.
        """
        part = self._policy.part
        if part is None or self._policy.resume or not (own := part_journals(self._folder, part)):
            return
        if not self._policy.overwrite:
            raise OutputError(
                f"Part {part} of {self._folder} was begun before. Give --resume to go on, or "
                "--overwrite to do it again."
            )
        with writing(self._outputs.labels.resolve()):
            for path in own:
                remove(path)

    def _begun_plan(self) -> Mapping[str, Any]:
        """The plan of the run that was begun, by this process or another; it must be equal to this
        one's.
        """
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
                f"{self._folder} is not there. Workers need the output under the same path as "
                "here, on a file system that all share."
            )
        # an engine with less memory, that resumes this run, follows this plan in smaller pieces
        core_px = self._job.core_px or self._planned_core(self._engine)
        plan = replace(self._own, core_px=core_px).as_dict()
        files = self._files(plan)
        check_room_for(files, 1.0)
        self._fresh = begin_partial(files[0]) and self._policy.whole

    def _planned_core(self, engine: EngineFacts) -> tuple[int, ...]:
        """The core of the tiles that fit the memory of an engine's device, in model voxels."""
        return lattice_of(self._job, engine.kind, free_bytes(engine.device))[1]

    def _store(self, plan: Mapping[str, Any]) -> RunStore:
        """Open the files of a plan; the one of the probabilities may have to be begun first."""
        self._job = replace(self._job, core_px=tuple(plan["core_px"]))
        sinks = []
        for file in self._files(plan):
            if not is_begun(file.path) and not self._policy.merge and self._policy.share is None:
                begin_partial(file)
            array, facts = open_partial(file.path)
            check_same(partial_folder(file.path), facts.get(RUN, {}), self._own)
            sinks.append(Sink(file, array))
        return RunStore(self._folder, tuple(sinks), TileGrid(self._job.frames, plan_of(self._job)))

    def _files(self, plan: Mapping[str, Any]) -> list[ResultFile]:
        job = replace(self._job, core_px=tuple(plan["core_px"]))
        return result_files(
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
            f"{len(missing)} of {total} tiles are missing{which}. Run what is missing with "
            "--resume, and merge again."
        )


def plan_of(job: SegmentJob) -> TilePlan:
    """The tiles of each frame of a job."""
    lattice, core_px = lattice_of(job)
    return plan_tiles(lattice, job.region, core_px)
