"""Writes the changes of a trust map into a journal on the disk, in a thread of its own."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.learn.journal.folder import delete_old, new_path, this_process
from napari_unet.learn.journal.stroke_journal import JournalHeader, StrokeJournal
from napari_unet.scans.identity import identity_of
from napari_unet.scans.scan import Scan
from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.trust_map import TrustMap

FLUSH_S = 0.2  # at most this long is written before the disk is made to hold it
PIECE_VOXELS = 2**20


@dataclass(frozen=True)
class JournalFacts:
    """What a journal's header says of its layer; `not_done` is the packed map of what is computed,
    empty where all is.
    """

    scan: Scan
    name: str
    classes: tuple[tuple[str, str], ...] = ()
    not_done: str = ""


class TroubleLine(QObject):
    """Brings what a journal's thread says to the main thread."""

    said = Signal(str)


class LayerJournal:
    """One layer's journal, begun when there is something to write; all but `mark` runs in the
    writer's thread.

    The arrays are read while they are painted on: a block that changes while it is written is
    flagged again by the stroke, and written again.
    """

    def __init__(
        self,
        trust_map: TrustMap,
        facts: JournalFacts,
        on_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_problem` is called in the writer's thread when strokes can not be saved, with the
        reason, and with an empty text when they are saved again.
        """
        self._map = trust_map
        self._on_problem = on_problem
        self._facts: JournalFacts | None = facts
        self._journal: StrokeJournal | None = None
        self._marks: deque[tuple[Box, int]] = deque()
        self._pieces: Iterator[Box] = iter(())
        self._base_left = False
        self.problem = ""

    def mark(self, box: Box, value: int) -> None:
        """A whole box got this trust, which takes the journal a few bytes."""
        self._marks.append((box, value))

    def send(self) -> bool:
        """Write what is new; True where more is left."""
        try:
            return self._send()
        except (NapariUNetError, OSError, ValueError) as error:
            self._note(f"Strokes can not be saved for a restart: {error}")
            return False

    def close(self) -> None:
        """Close the journal, and let the arrays go."""
        try:
            if self._journal is not None:
                self._journal.close()
        except (NapariUNetError, OSError) as error:
            self._note(str(error))
        self._facts = None
        self._journal = None
        self._map = TrustMap(np.zeros((1, 1), np.uint8))  # stands for the layer's, which is large

    def _send(self) -> bool:
        if not (self.problem or self._marks or self._base_left or self._map.unwritten.any()):
            return False
        journal = self._begun_journal()
        end = time.monotonic() + FLUSH_S
        while self._marks:
            journal.mark(*self._marks[0])
            self._marks.popleft()  # only now: a mark that could not be written stays
        more = self._write_blocks(journal, end)
        more = self._write_base(journal, end) or more
        journal.flush()
        self._note("")
        return more

    def _note(self, problem: str) -> None:
        before = self.problem
        self.problem = problem
        if bool(problem) != bool(before):  # the reason tells the free room, which keeps changing
            self._on_problem(problem)

    def _write_blocks(self, journal: StrokeJournal, end: float) -> bool:
        numbers = np.flatnonzero(self._map.unwritten)
        for number in numbers:
            # before the block is read: a stroke meanwhile sets it again
            self._map.unwritten[number] = False
            box = self._map.grid.box(int(number))
            try:
                journal.stroke(box, np.asarray(self._map.labels[box]), self._map.trust[box])
            except BaseException:
                self._map.unwritten[number] = True
                raise
            if time.monotonic() > end:
                return True
        return False

    def _write_base(self, journal: StrokeJournal, end: float) -> bool:
        """Write all labels as they are, piece by piece: at least one piece at each call, however
        much is painted meanwhile.
        """
        while self._base_left:
            if (box := next(self._pieces, None)) is None:
                self._base_left = False
                journal.mark_labels_complete()
            else:
                journal.labels(box, np.asarray(self._map.labels[box]))
            if time.monotonic() > end:
                return self._base_left
        return False

    def _begun_journal(self) -> StrokeJournal:
        """The journal, with its header; where that can not be written the next call tries again."""
        if self._journal is None:
            facts = self._facts
            if facts is None:
                raise ValueError("the layer is gone")
            delete_old()
            labels = self._map.labels
            header = JournalHeader(
                scan=identity_of(facts.scan),
                shape=self._map.grid.shape,
                dtype=np.dtype(labels.dtype).str,
                name=facts.name,
                classes=facts.classes,
                not_done=facts.not_done,
                begun=time.time(),
                process=this_process(),
            )
            self._journal = StrokeJournal(new_path(), header)
            if isinstance(labels, np.ndarray):  # lazy arrays have a file of their own already
                self._pieces = boxes(labels.shape, PIECE_VOXELS)
                self._base_left = True
        return self._journal
