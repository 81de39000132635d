"""Follows one Labels layer: what its tools and events report, and what the user calls right,
becomes the trust of its voxels.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any
from weakref import finalize, ref

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.learn.data.corrections import (
    LEARNT_DTYPE,
    Amount,
    Corrections,
    summary_of_amount,
)
from napari_unet.widgets.arrays.block_grid import Box
from napari_unet.widgets.arrays.trust_map import TrustMap
from napari_unet.widgets.jobs.background_writer import BackgroundWriter
from napari_unet.widgets.painting.layer_journal import JournalFacts, LayerJournal, TroubleLine
from napari_unet.widgets.painting.tool_hooks import ToolListener, Tools, history_steps
from napari_unet.widgets.viewer.labels_facts import class_names, copy_of, shown_box

TURN_S = 0.008  # for comparing and counting in one turn of the event loop
REST_MS = 5  # between two such turns, in which the window answers
MOST_COMPARED = 2**28  # voxels that may be compared at once when a training takes a copy
COMPARE_MS = 300  # after the last redraw, what is shown is compared with what is known


class Trust(QObject, ToolListener):
    """The trust of one Labels layer; lives as long as the layer, and keeps neither it nor the
    viewer alive.

    Signals: `changed` when there is more or less trust (often enough for a line of text), `touched`
    at once with the box of voxels that has changed, `replaced` when the layer got labels of another
    shape, `troubled` with the reason why strokes can not be saved for a restart, at once, and with
    an empty text when they are saved again.
    """

    changed = Signal()
    touched = Signal(object)
    replaced = Signal()
    troubled = Signal(str)

    def __init__(self, layer: Labels, known: np.ndarray | None) -> None:
        """`known` are the predicted labels; without them only tools and reviews give trust."""
        super().__init__()
        self._layer = ref(layer)
        self._facts: Callable[[], JournalFacts | None] | None = None
        self._journal: LayerJournal | None = None
        self._writer: BackgroundWriter | None = None
        self.trouble = ""  # why strokes can not be saved at this moment
        self._map = self._new_map(layer, known)
        self._map.expect_undo_of(history_steps(layer))
        self._work_timer = _timer(self, self._on_work_timeout)
        self._compare_timer = _timer(self, self._on_compare_timeout)
        layer.events.data.connect(self._on_layer_data)
        layer.events.set_data.connect(self._on_layer_drawn)
        self._tools = Tools(layer, self)
        # once at the beginning, so that the arrays are in memory when a training copies them
        self._compare_timer.start(COMPARE_MS)

    @property
    def layer(self) -> Labels | None:
        """The layer, while it is there."""
        return self._layer()

    @property
    def map(self) -> TrustMap:
        """The arrays behind the trust, and how much of it there is."""
        return self._map

    def amount(self) -> Amount:
        """How much is trusted, all of it counted now."""
        self._map.work()
        return self._map.amount()

    def summary(self, names: Sequence[str] | None = None) -> str:
        """How much is trusted, as far as it has been counted, in one line; classes have these names
        by label, or else the layer's.
        """
        layer = self._layer()
        names = names if names is not None or layer is None else class_names(layer)
        return summary_of_amount(self._map.amount(), len(self._map.grid.shape) > 2, names or ())

    def corrections(
        self, levels: np.ndarray | None = None, dtype: np.dtype = LEARNT_DTYPE
    ) -> Corrections:
        """A copy for another thread, labels in this format; changes that sent no event are found
        first. `levels` are the values of labels that are grey levels.
        """
        self._suspect_all()
        return self._map.corrections(levels, dtype)

    def find_all(self) -> Amount:
        """How much is trusted, changes that sent no event included."""
        self._suspect_all()
        return self.amount()

    def mark(self, box: Box, value: int) -> None:
        """Give all of a box this trust, or take it away with `UNTRUSTED`."""
        # before the journal has it: blocks that its thread reads from now on hold it too
        self._map.mark(box, value)
        self._open_journal()
        if self._journal is not None and self._writer is not None:
            self._journal.mark(box, value)
            self._writer.wake()
        self._soon()

    def keep_strokes(self, facts: Callable[[], JournalFacts | None]) -> bool:
        """Save every stroke, to outlive a crash; `facts` are needed at the first stroke. True the
        first time.
        """
        first = self._facts is None
        self._facts = facts
        return first

    def start_from(self, old: Corrections) -> None:
        """Take over trust; the layer holds the corrected labels already."""
        for number in range(self._map.grid.size):
            box = self._map.grid.box(number)
            if (part := old.trust[box]).any():
                self._map.trust[box] = part
                self._map.touch(box)
        self._soon()

    def painted_over(self, box: Box) -> None:
        """The trust itself has been painted, on the overlay."""
        self._map.touch(box)
        self._soon()

    def rewritten(self, box: Box) -> None:
        """We have written labels and `known` within a box: a journal has to save them."""
        if self._journal is not None:
            self._map.unwritten[self._map.grid.touching(box)] = True
            self._open_journal()

    # what the tools report

    def went_over(self, box: Box, mask: np.ndarray, label: int | None = None) -> None:
        """See `ToolListener`."""
        self._map.went_over(box, mask, label)
        self._soon()

    def end_gesture(self, undoable: bool) -> None:
        """See `ToolListener`."""
        self._map.end_gesture(undoable)

    def abandon_gesture(self) -> None:
        """See `ToolListener`."""
        self._map.abandon_gesture()
        self._soon()

    def undone(self) -> None:
        """See `ToolListener`."""
        self._known_step(self._map.undo())

    def redone(self) -> None:
        """See `ToolListener`."""
        self._known_step(self._map.redo())

    def changed_somewhere(self, box: Box | None) -> None:
        """See `ToolListener`."""
        self._map.suspect(box)
        self._soon()

    def _known_step(self, known: bool) -> None:
        if not known:
            self._map.suspect()
        self._soon()

    def _new_map(self, layer: Labels, known: np.ndarray | None) -> TrustMap:
        mine = ref(self)  # the map must not keep this object alive

        def touched(box: Box) -> None:
            if (trust := mine()) is not None:
                trust._open_journal()
                trust.touched.emit(box)

        return TrustMap(layer.data, known, touched)

    def _open_journal(self) -> None:
        """Begin a journal, if strokes are to be saved and the image is known; let the one there is
        write.
        """
        layer = self._layer()
        if (
            self._writer is None
            and self._facts is not None
            and layer is not None
            and (facts := self._facts()) is not None
        ):
            self._map.write_all_trusted()
            self._journal = LayerJournal(self._map, facts, self._trouble_line())
            self._writer = BackgroundWriter(self._journal.send, self._journal.close)
            # at exit the writer is closed by itself, and waited for
            finalize(layer, self._writer.close).atexit = False
        if self._writer is not None:
            self._writer.wake()

    def _trouble_line(self) -> Callable[[str], None]:
        """What the journal's thread calls; it does not keep this object alive."""
        line = TroubleLine()
        line.said.connect(self._on_trouble)
        return lambda problem: line.said.emit(problem)

    def _on_trouble(self, problem: str) -> None:
        self.trouble = problem
        self.troubled.emit(problem)

    def _close_journal(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._journal = None
        self._writer = None

    def _soon(self) -> None:
        if not self._work_timer.isActive():
            self._work_timer.start(REST_MS)

    def _on_work_timeout(self) -> None:
        if not self._map.work(TURN_S):
            self._work_timer.start(REST_MS)
        self.changed.emit()

    def _on_layer_data(self) -> None:
        """Another array was put into the layer: what differs in it was changed by someone and is
        trusted; with another shape all begins anew.
        """
        layer = self._layer()
        if layer is None or layer.data is self._map.labels:
            return
        if np.dtype(layer.data.dtype) != np.dtype(self._map.labels.dtype):
            self._close_journal()  # a journal holds labels of one type; the next one needs all
            self._map.unwritten[:] = True
        if tuple(layer.data.shape) == self._map.grid.shape:
            self._map.labels = layer.data
            self._map.suspect()
        else:
            self._close_journal()
            self._map = self._new_map(layer, copy_of(layer.data))
            self.replaced.emit()
        self._soon()

    def _suspect_all(self) -> None:
        """Compare all voxels; of an array too large for that those that are shown, since the others
        were compared when they were shown.
        """
        layer = self._layer()
        large = prod(self._map.grid.shape) > MOST_COMPARED
        self._map.suspect(shown_box(layer) if large and layer is not None else None)

    def _on_layer_drawn(self) -> None:
        """The layer was drawn: it may have been edited without an event, or only scrolled."""
        self._compare_timer.start(COMPARE_MS)

    def _on_compare_timeout(self) -> None:
        if (layer := self._layer()) is not None:
            self._map.suspect(shown_box(layer))
            self._soon()


def _timer(parent: QObject, slot: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
