"""A run into files of any kind, which are written whole at its end, or not at all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from napari_unet.model.model import Model
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.write import open_result
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.outputs import Outputs, Sink, files_of
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.totals import RunTotals


class FileRun(RunTotals):
    """Takes the tiles of a job."""

    def __init__(self, job: SegmentJob, sinks: list[Sink]) -> None:
        super().__init__(job)
        self._sinks = sinks

    def take(self, tile: TileResult) -> None:
        """Put a tile where it belongs."""
        for sink in self._sinks:
            sink.take(tile)
        super().take(tile)


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
    """Open the files of a run; raises `OutputError` where one exists and may not be replaced, or
    can not be written.
    """
    with ExitStack() as stack:
        facts = run_facts(model, job, engine)
        files = files_of(job, outputs, facts)
        sinks = [
            Sink(file, stack.enter_context(open_result(file, overwrite, on_progress, control)))
            for file in files
        ]
        yield (run := FileRun(job, sinks))
        facts.update(run.engines.facts())  # the files are completed after this
