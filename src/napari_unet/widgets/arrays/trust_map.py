"""Which voxels of a labels array are trusted; each stroke costs what it covers, not the array."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_unet.learn.data.corrections import (
    LEARNT_DTYPE,
    PAINTED,
    REVIEWED,
    TRUST_DTYPE,
    UNTRUSTED,
    Amount,
    Corrections,
    check_labels,
    trust_of_changes,
)
from napari_unet.widgets.arrays.block_grid import BlockGrid, Box, boxes, whole
from napari_unet.widgets.arrays.mapped_array import part_of, zeros
from napari_unet.widgets.arrays.trust_counts import TrustCounts

MOST_UNDO = 100  # as napari's own history
PIECE_VOXELS = 2**20  # copied at once
BLOCK_COST = 8  # copying blocks one by one costs as much as copying this many in one piece
AT_ONCE = 32  # blocks compared before the time is checked


@dataclass(frozen=True)
class Sweep:
    """What one movement of a tool covered: a box, its voxels as packed bits, and which of them were
    not trusted before.
    """

    box: Box
    over: np.ndarray
    fresh: np.ndarray

    def bits(self, packed: np.ndarray) -> np.ndarray:
        """The packed bits as a mask of the box."""
        shape = tuple(part.stop - part.start for part in self.box)
        return np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape).view(bool)


Gesture = tuple[Sweep, ...]


class TrustMap:
    """The trust of one labels array, with an undo that goes along with that of the labels.

    `known` are the labels that were predicted, or that a tool painted. Whatever differs from them
    was changed by something that sends no event, such as another plugin, and is trusted too.
    Without `known` only tools and reviews give trust.
    """

    def __init__(
        self,
        labels: Any,
        known: np.ndarray | None = None,
        touched: Callable[[Box], None] = lambda box: None,
    ) -> None:
        self.labels = labels
        self.known = known
        self.trust = zeros(labels.shape, TRUST_DTYPE, part_of(labels))
        self.grid = BlockGrid(labels.shape)
        # blocks that a journal has to write; set here, cleared by the journal's thread
        self.unwritten = np.zeros(self.grid.size, bool)
        self._suspect = np.zeros(self.grid.size, bool)  # blocks to be compared with `known`
        self._counts = TrustCounts(self.grid)
        self._touched = touched
        self._open: list[Sweep] = []
        self._undo: deque[Gesture | None] = deque(maxlen=MOST_UNDO)
        self._redo: deque[Gesture | None] = deque(maxlen=MOST_UNDO)

    def went_over(self, box: Box, mask: np.ndarray, label: int | None = None) -> None:
        """A tool has gone over the mask of a box: voxels that now hold its label are trusted
        (without a label, all of the mask).
        """
        # a tool may leave voxels as they were, as with "preserve labels": these are not trusted
        now = np.asarray(self.labels[box])
        over = mask if label is None else mask & (now == label)
        part = self.trust[box]
        fresh = over & (part == UNTRUSTED)
        part[fresh] = PAINTED
        if self.known is not None and label is not None:
            np.copyto(self.known[box], now, where=over, casting="unsafe")
        self._open.append(Sweep(box, np.packbits(over), np.packbits(fresh)))
        self.touch(box)

    def end_gesture(self, undoable: bool) -> None:
        """What tools have gone over since the last end becomes one step of undo, or none."""
        if undoable:
            self._undo.append(tuple(self._open))
            self._redo.clear()
        self._open = []

    def expect_undo_of(self, steps: int) -> None:
        """The layer has so many steps of undo from before it was followed; undoing one of them
        tells nothing about trust.
        """
        self._undo.extend([None] * steps)

    def abandon_gesture(self) -> None:
        """Take back the trust of what tools have gone over since the last end."""
        self._take_back(tuple(self._open))
        self._open = []

    def undo(self) -> bool:
        """Take back the trust of the last step, as napari took back its labels; False where nothing
        is known of that step.
        """
        if (gesture := self._undo.pop() if self._undo else None) is not None:
            self._take_back(gesture)
        self._redo.append(gesture)
        return gesture is not None

    def redo(self) -> bool:
        """Give back the trust that undo took; False where nothing is known of that step."""
        gesture = self._redo.pop() if self._redo else None
        for sweep in gesture or ():
            part = self.trust[sweep.box]
            part[sweep.bits(sweep.fresh) & (part == UNTRUSTED)] = PAINTED
            self._account(sweep)
        self._undo.append(gesture)
        return gesture is not None

    def mark(self, box: Box, value: int) -> None:
        """Give all voxels of a box this trust."""
        self.trust[box] = value
        self.touch(box, written=True)

    def touch(self, box: Box, written: bool = False) -> None:
        """Labels or trust within a box have changed; `written` where a journal has it already."""
        numbers = self.grid.touching(box)
        self._counts.mark_stale(numbers)
        if not written:
            self.unwritten[numbers] = True
        self._touched(box)

    def write_all_trusted(self) -> None:
        """Let a journal that begins write all that was trusted before."""
        self.unwritten |= self._counts.stale
        self.unwritten[self._counts.trusted()] = True

    def suspect(self, box: Box | None = None) -> None:
        """Compare a box (or all) soon: what sends no event may have changed its labels."""
        if self.known is not None:
            numbers = self.grid.touching(box if box is not None else whole(self.grid.shape))
            self._suspect[numbers] = True

    def work(self, seconds: float | None = None) -> bool:
        """Compare suspect blocks and count changed ones, for so long at most; True when nothing is
        left.
        """
        end = time.monotonic() + seconds if seconds is not None else None
        while (numbers := np.flatnonzero(self._suspect)[:AT_ONCE]).size:
            for number in numbers:
                self._compare(int(number))
            self._suspect[numbers] = False
            if end is not None and time.monotonic() > end:
                return False
        return self._counts.work(self.labels, self.trust, end)

    def amount(self) -> Amount:
        """How much is trusted, as far as it has been counted."""
        return self._counts.amount()

    def corrections(
        self, levels: np.ndarray | None = None, dtype: np.dtype = LEARNT_DTYPE
    ) -> Corrections:
        """A copy of what is trusted, labels in this format; of a large array only what is trusted
        takes memory. With `levels`, the values of labels that are grey levels, the number of each
        is its class.

        Raises `ScanError` for trusted labels that are none in this format, whose highest number
        stands for no label.
        """
        self.work()
        shape = self.grid.shape
        copy = Corrections(zeros(shape, dtype), zeros(shape, TRUST_DTYPE))
        for box in self._trusted_boxes():
            trust = self.trust[box]
            labels = np.asarray(self.labels[box])
            labels = np.where(trust != UNTRUSTED, labels, 0)
            labels = labels if levels is None else np.searchsorted(levels, labels)
            check_labels(labels, np.iinfo(dtype).max)
            copy.labels[box] = labels
            copy.trust[box] = np.where(trust > REVIEWED, TRUST_DTYPE.type(PAINTED), trust)
        return copy

    def _trusted_boxes(self) -> Iterator[Box]:
        """Blocks with any trust, or the whole array in pieces where they are many."""
        numbers = self._counts.trusted()
        if BLOCK_COST * len(numbers) < self.grid.size:
            return (self.grid.box(int(number)) for number in numbers)
        return boxes(self.grid.shape, PIECE_VOXELS)

    def _take_back(self, gesture: Gesture) -> None:
        for sweep in reversed(gesture):
            self.trust[sweep.box][sweep.bits(sweep.fresh)] = UNTRUSTED
            self._account(sweep)

    def _account(self, sweep: Sweep) -> None:
        """Note the labels under a sweep as known: undo and redo have changed them."""
        if self.known is not None:
            np.copyto(
                self.known[sweep.box],
                np.asarray(self.labels[sweep.box]),
                where=sweep.bits(sweep.over),
                casting="unsafe",
            )
        self.touch(sweep.box)

    def _compare(self, number: int) -> None:
        """Trust the voxels of a block that differ from what is known."""
        box = self.grid.box(number)
        now = np.asarray(self.labels[box])
        known = self.known[box] if self.known is not None else None
        if known is None or np.array_equal(now, known):
            return
        part = self.trust[box]
        self.trust[box] = np.maximum(part, trust_of_changes(now, known))
        known[...] = now
        self.touch(box)
