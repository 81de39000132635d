"""A run into files that appear complete at its end, or not at all; of any format."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from napari_unet.errors import OutputError
from napari_unet.files.full_disk import existing_folder
from napari_unet.files.room import note_on_room
from napari_unet.model.model import Model
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.write import check_output, open_result
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs, Sink, expected_bytes, only_labels, result_files
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.totals import RunTotals


class FileRun(RunTotals):
    """Writes the tiles of a job into its files, and counts them."""

    def __init__(
        self, job: SegmentJob, labels: Sink, probabilities: "_Probabilities | None", room_note: str
    ) -> None:
        super().__init__(job)
        self._labels = labels
        self._probabilities = probabilities
        self.room_note = room_note

    def take(self, tile: TileResult) -> None:
        """Write a tile, and count it."""
        self._labels.take(tile)
        if self._probabilities is not None:
            self._probabilities.take(tile)
        super().take(tile)


class _Probabilities:
    """A file of probabilities, which is given up where it can not be written: the labels are worth
    having without it.
    """

    def __init__(
        self, labels: ResultFile, file: ResultFile, opened: AbstractContextManager[Any]
    ) -> None:
        self._labels = labels.path
        self._opened = opened
        self._sink = Sink(file, opened.__enter__())
        self.problem = ""

    def take(self, tile: TileResult) -> None:
        """Write those of a tile."""
        if self.problem:
            return
        try:
            self._sink.take(tile)
        except OutputError as error:
            self.problem = only_labels(self._labels, error)
            self._opened.__exit__(*sys.exc_info())  # leaves nothing of it behind

    def complete(self) -> None:
        """Let the file take its place."""
        if self.problem:
            return
        try:
            self._opened.__exit__(None, None, None)
        except OutputError as error:
            self.problem = only_labels(self._labels, error)

    def abandon(self) -> None:
        """Leave nothing behind, since the run has failed."""
        if not self.problem:
            self._opened.__exit__(*sys.exc_info())


@contextmanager
def file_run(
    model: Model,
    job: SegmentJob,
    outputs: Outputs,
    engine: EngineFacts,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> Iterator[FileRun]:
    """Open the files of a run, and complete them at the end of the `with` block.

    Raises `OutputError` if one exists and may not be replaced, if a disk has certainly no room for
    it, or if the labels can not be written. Where only the probabilities can not, the labels are
    there, and `problem` of the run says why.
    """
    facts = run_facts(model, job, engine)
    labels, *others = files = result_files(job, outputs, facts)
    check_output(labels.path, overwrite)  # before the other one, which is opened first
    note = _note_on_room(files)
    probabilities = None
    for file in others:
        opened = open_result(file, overwrite, on_progress, control)
        probabilities = _Probabilities(labels, file, opened)
    with (
        _completed_last(probabilities),
        open_result(labels, overwrite, on_progress, control) as array,
    ):
        run = FileRun(job, Sink(labels, array), probabilities, note)
        yield run
        # before the files are completed, which write the facts: only now the engines are known
        facts.update(run.engines.facts())
    run.problem = "" if probabilities is None else probabilities.problem


@contextmanager
def _completed_last(probabilities: _Probabilities | None) -> Iterator[None]:
    """Complete the probabilities when the labels are complete, which come first where there is room
    for one of them; abandon them where the run fails.
    """
    try:
        yield
    except BaseException:
        if probabilities is not None:
            probabilities.abandon()
        raise
    if probabilities is not None:
        probabilities.complete()


def _note_on_room(files: list[ResultFile]) -> str:
    """What to say where the disk of a result may not suffice; all files of one disk count."""
    disks: dict[int, tuple[ResultFile, int]] = {}
    for file in files:
        disk = existing_folder(file.path.resolve().parent).stat().st_dev
        first, before = disks.get(disk, (file, 0))
        disks[disk] = first, before + expected_bytes(file)
    notes = [note_on_room(file.path.resolve().parent, size) for file, size in disks.values()]
    return " ".join(note for note in notes if note)
