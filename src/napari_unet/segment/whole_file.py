"""A run into files that appear complete at its end, or not at all; of any format."""

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
    """Writes the tiles of a job into its files, and counts them."""

    def __init__(self, job: SegmentJob, sinks: list[Sink]) -> None:
        super().__init__(job)
        self._sinks = sinks

    def take(self, tile: TileResult) -> None:
        """Write a tile, and count it."""
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
    """Open the files of a run, and complete them at the end of the `with` block.

    Raises `OutputError` if one exists and may not be replaced, or can not be written.
    """
    with ExitStack() as stack:
        facts = run_facts(model, job, engine)
        files = files_of(job, outputs, facts)
        sinks = [
            Sink(file, stack.enter_context(open_result(file, overwrite, on_progress, control)))
            for file in files
        ]
        yield (run := FileRun(job, sinks))
        # before the files are completed, which write the facts: only now the engines are known
        facts.update(run.engines.facts())
