"""Writes what happens to a trust map into a journal, from a thread that looks after what has
changed.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_unet.errors import NapariUNetError
from napari_unet.learn.journal.folder import forget_old, new_path, this_process
from napari_unet.learn.journal.stroke_journal import JournalHeader, StrokeJournal
from napari_unet.scans.identity import identity_of
from napari_unet.scans.scan import Scan
from napari_unet.widgets.arrays.block_grid import Box, boxes
from napari_unet.widgets.arrays.trust_map import TrustMap

AT_ONCE_S = 0.2  # between two times that the disk is made to keep what was written
PIECE_VOXELS = 2**20


@dataclass(frozen=True)
class JournalFacts:
    """What is known of a layer when its journal begins."""

    scan: Scan
    name: str
    classes: tuple[tuple[str, str], ...] = ()
    not_done: str = ""


class LayerJournal:
    """One journal, opened when there is something to write; all but `mark` runs in the thread that
    writes.

    It reads the arrays while they are painted on: a block that changes while it is written is
    marked again by the stroke, and written again.
    """

    def __init__(self, trust_map: TrustMap, facts: JournalFacts) -> None:
        self._map = trust_map
        self._facts: JournalFacts | None = facts
        self._journal: StrokeJournal | None = None
        self._marks: deque[tuple[Box, int]] = deque()
        self._pieces: Iterator[Box] = iter(())
        self._base_left = False
        self.problem = ""

    def mark(self, box: Box, value: int) -> None:
        """A whole box got this trust: kept in few bytes."""
        self._marks.append((box, value))

    def send(self) -> bool:
        """Write what is new; True when there is more."""
        try:
            return self._send()
        except (NapariUNetError, OSError, ValueError) as error:
            self.problem = f"Strokes can not be kept for a restart: {error}"
            return False

    def finish(self) -> None:
        """End the journal, and let the arrays go."""
        try:
            if self._journal is not None:
                self._journal.close()
        except (NapariUNetError, OSError) as error:
            self.problem = str(error)
        self._facts, self._journal = None, None
        self._map = TrustMap(np.zeros((1, 1), np.uint8))

    def _send(self) -> bool:
        if not (self._marks or self._base_left or self._map.unwritten.any()):
            return False
        journal = self._opened()
        end = time.monotonic() + AT_ONCE_S
        while self._marks:
            journal.mark(*self._marks[0])
            self._marks.popleft()
        more = self._write_blocks(journal, end)
        more = self._write_base(journal, end) or more
        journal.flush()
        self.problem = ""
        return more

    def _write_blocks(self, journal: StrokeJournal, end: float) -> bool:
        numbers = np.flatnonzero(self._map.unwritten)
        for number in numbers:
            self._map.unwritten[number] = (
                False  # before it is read: a stroke meanwhile marks it again
            )
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
        """The labels as they are, piece by piece; at least one each time, however much is painted."""
        while self._base_left:
            if (box := next(self._pieces, None)) is None:
                self._base_left = False
                journal.all_labels_are_kept()
            else:
                journal.labels(box, np.asarray(self._map.labels[box]))
            if time.monotonic() > end:
                return self._base_left
        return False

    def _opened(self) -> StrokeJournal:
        if self._journal is None:
            facts = self._facts
            if facts is None:
                raise ValueError("the layer is gone")
            forget_old()
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
            if isinstance(labels, np.ndarray):  # what is read lazily lies in a file of its own
                self._pieces = boxes(labels.shape, PIECE_VOXELS)
                self._base_left = True
        return self._journal
