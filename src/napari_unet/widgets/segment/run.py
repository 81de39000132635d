"""One run: a job in a thread, the arrays it fills, and the layers that show them."""

import time
from collections.abc import Callable, Sequence

from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.docks.run import Run, RunEnd, Work
from napari_unet.widgets.jobs.job import JobEnd
from napari_unet.widgets.segment.result_layer import ResultLayer
from napari_unet.widgets.segment.task import Facts, RunOrder, TileShown, segment_in_worker
from napari_unet.words import duration

Show = Callable[[ResultArrays], ResultLayer | None]


class SegmentRun(Run):
    """Segments one scan into one `ResultLayer`; lives until it has ended, whatever becomes of the
    window.
    """

    def __init__(self, title: str, order: RunOrder, show: Show) -> None:
        """`show` puts the layers of the run into the viewer, when it is the run's turn."""
        facts = Facts()
        super().__init__(title, Work(segment_in_worker, (order, facts), order.job.settings.device))
        self._arrays = order.arrays
        self._focus = order.focus
        self.file = order.keep_in
        self.model = order.model
        self._show: Show | None = show
        self._result: ResultLayer | None = None
        self._tiles = (0, 0)
        self._begun = 0.0
        self._facts = facts
        self._job.started.connect(self._on_job_started)

    @property
    def result(self) -> ResultLayer | None:
        """The layers of the run."""
        return self._result

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles are done, of how many."""
        return self._tiles

    def first_steps(self) -> Sequence[Callable[[], None]]:
        """Add the layers; each takes napari a while, so each is a step of its own."""
        return (self._show_labels, self._show_hatching)

    def take_message(self, message: object) -> None:
        """Show a tile that has been written."""
        if isinstance(message, TileShown):
            self._tiles = (message.done, message.total)
            if self._result is not None:
                self._result.show_changes()

    def close(self, end: JobEnd) -> RunEnd:
        """Finish the result, or take it away where nothing of it is to stay."""
        self._show = None
        self._focus.stop()
        self._arrays.release_scan()
        if self._result is not None:
            if self._nothing_to_keep(end):
                self._result.remove()
            else:
                self._result.finish(self._facts.as_dict())
        return self._report(end)

    def _on_job_started(self) -> None:
        self._begun = time.monotonic()

    def _show_labels(self) -> None:
        show = self._show
        self._show = None
        self._result = show(self._arrays) if show is not None else None
        if self._result is None:  # the viewer was closed meanwhile
            self.cancel()
        else:
            self._result.gone.connect(self.cancel if self.file is None else self.stop)

    def _show_hatching(self) -> None:
        if self._result is not None:
            self._result.add_hatching()

    def _nothing_to_keep(self, end: JobEnd) -> bool:
        deleted = self._result is not None and self._result.labels is None
        return end.kind == "cancelled" or self._tiles[0] == 0 or deleted

    def _report(self, end: JobEnd) -> RunEnd:
        facts = self._facts
        done, total = self._tiles
        if end.kind == "cancelled":
            stays = "the tiles of earlier runs stay." if facts.earlier else "nothing was kept."
            return RunEnd("cancelled", f"Cancelled; {stays}")
        note = "" if facts.file_note in end.sentence else f" {facts.file_note}"
        if end.kind == "failed":
            return RunEnd("failed", f"{end.sentence}{_stays(done, total)}{note}", end.details)
        if done < total or total == 0 or facts.unfinished:
            return RunEnd("stopped", f"Stopped: {_done(done, total)}{note}")
        took = duration(time.monotonic() - self._begun, exact=True)
        return RunEnd("done", f"Done in {took} {facts.summary()}{note}", facts.details)


def _stays(done: int, total: int) -> str:
    if not done:
        return ""
    return f" The {done} finished tiles of {total} stay; the rest is marked as not computed."


def _done(done: int, total: int) -> str:
    if not done:
        return "nothing was done yet."
    rest = ", the rest is marked as not computed" if done < total else ""
    return f"{done} of {total} tiles are done{rest}."
