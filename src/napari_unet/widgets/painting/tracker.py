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

from napari_unet.learn.data.corrections import Amount, Corrections, told
from napari_unet.widgets.arrays.block_grid import Box
from napari_unet.widgets.arrays.trust_map import TrustMap
from napari_unet.widgets.jobs.background_writer import BackgroundWriter
from napari_unet.widgets.painting.layer_journal import JournalFacts, LayerJournal
from napari_unet.widgets.painting.tool_hooks import ToolListener, Tools, history_steps
from napari_unet.widgets.viewer.labels_facts import class_names, copy_of, shown_box

TURN_S = 0.008  # of the event loop, for comparing and counting
REST_MS = 5
MOST_COMPARED = 2**28  # voxels, at once
LOOK_MS = 300  # after the last redraw, what is shown is compared with what is known


class Trust(QObject, ToolListener):
    """The trust of one Labels layer; lives as long as the layer, and keeps neither it nor the
    viewer alive.

    `changed` tells that there is more or less trust (often enough for a line of text), `touched` at
    once which box of voxels has changed, `replaced` that there are labels of another shape, and
    `troubled` why strokes can not be kept for a restart.
    """

    changed = Signal()
    touched = Signal(object)
    replaced = Signal()
    troubled = Signal(str)

    def __init__(self, layer: Labels, known: np.ndarray | None) -> None:
        """`known` are the labels that are accounted for; without them only tools and reviews count."""
        super().__init__()
        self._layer = ref(layer)
        self._facts: Callable[[], JournalFacts | None] | None = None
        self._journal: LayerJournal | None = None
        self._writer: BackgroundWriter | None = None
        self._trouble = ""
        self._map = self._new_map(layer, known)
        self._map.expect_undo_of(history_steps(layer))
        self._worker = _timer(self, self._on_worker_timeout)
        self._looker = _timer(self, self._on_looker_timeout)
        layer.events.data.connect(self._on_layer_data)
        layer.events.set_data.connect(self._on_layer_drawn)
        self._tools = Tools(layer, self)
        self._looker.start(
            LOOK_MS
        )  # so that the first copy for a training finds the arrays in memory

    @property
    def layer(self) -> Labels | None:
        """The layer, while it is there."""
        return self._layer()

    @property
    def map(self) -> TrustMap:
        """The arrays and the counts."""
        return self._map

    def amount(self) -> Amount:
        """How much is trusted, all of it counted now."""
        self._map.work()
        return self._map.amount()

    def summary(self, names: Sequence[str] | None = None) -> str:
        """How much is trusted as far as it has been counted, in one line; names by label, or those
        of the layer.
        """
        layer = self._layer()
        names = names if names is not None or layer is None else class_names(layer)
        return told(self._map.amount(), len(self._map.grid.shape) > 2, names or ())

    def corrections(self) -> Corrections:
        """A copy for a training; what was changed behind the tools' back is found first."""
        self._suspect_all()
        return self._map.corrections()

    def find_all(self) -> Amount:
        """How much is trusted, with what was changed behind the tools' back."""
        self._suspect_all()
        return self.amount()

    def mark(self, box: Box, value: int) -> None:
        """Give a box this trust, or take it away with `UNTRUSTED`."""
        self._map.mark(
            box, value
        )  # before the journal has it: blocks that are read from now on hold it too
        self._open_journal()
        if self._journal is not None and self._writer is not None:
            self._journal.mark(box, value)
            self._writer.wake()
        self._soon()

    def keep_strokes(self, facts: Callable[[], JournalFacts | None]) -> None:
        """Keep every stroke through a crash; `facts` are asked for when there is the first."""
        self._facts = facts

    def start_from(self, old: Corrections) -> None:
        """Take over the trust of labels that this layer has already."""
        for number in range(self._map.grid.size):
            box = self._map.grid.box(number)
            if (part := old.trust[box]).any():
                self._map.trust[box] = part
                self._map.touch(box)
        self._soon()

    def painted_over(self, box: Box) -> None:
        """The trust itself was painted, in the overlay."""
        self._map.touch(box)
        self._soon()

    def rewritten(self, box: Box) -> None:
        """Labels within a box, and what is known of them, were written by us: a journal has to take
        them.
        """
        if self._journal is not None:
            self._map.unwritten[self._map.grid.touching(box)] = True
            self._open_journal()

    # what the tools tell

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
        mine = ref(self)

        def touched(box: Box) -> None:
            if (trust := mine()) is not None:
                trust._open_journal()
                trust.touched.emit(box)

        return TrustMap(layer.data, known, touched)

    def _open_journal(self) -> None:
        """Begin a journal, if strokes are to be kept and the image is known; ask the one there is
        to write.
        """
        layer = self._layer()
        if (
            self._writer is None
            and self._facts is not None
            and layer is not None
            and (facts := self._facts()) is not None
        ):
            self._map.write_all_trusted()
            self._journal = LayerJournal(self._map, facts)
            self._writer = BackgroundWriter(self._journal.send, self._journal.finish)
            finalize(layer, self._writer.close).atexit = False
        if self._writer is not None:
            self._writer.wake()

    def _close_journal(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._journal, self._writer = None, None

    def _soon(self) -> None:
        if not self._worker.isActive():
            self._worker.start(REST_MS)

    def _on_worker_timeout(self) -> None:
        if not self._map.work(TURN_S):
            self._worker.start(REST_MS)
        self.changed.emit()
        trouble = self._journal.problem if self._journal is not None else ""
        if trouble != self._trouble and trouble:
            self.troubled.emit(trouble)
        self._trouble = trouble

    def _on_layer_data(self) -> None:
        """Another array: what differs in it was changed by someone, and is trusted; another shape
        begins anew.
        """
        layer = self._layer()
        if layer is None or layer.data is self._map.labels:
            return
        if np.dtype(layer.data.dtype) != np.dtype(self._map.labels.dtype):
            self._close_journal()
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
        """All voxels, or, of what is too large for that, those that are shown; the others were
        compared when they were.
        """
        layer = self._layer()
        large = prod(self._map.grid.shape) > MOST_COMPARED
        self._map.suspect(shown_box(layer) if large and layer is not None else None)

    def _on_layer_drawn(self) -> None:
        """Redrawn, as after an edit that nobody told of, or only scrolled."""
        self._looker.start(LOOK_MS)

    def _on_looker_timeout(self) -> None:
        if (layer := self._layer()) is not None:
            self._map.suspect(shown_box(layer))
            self._soon()


def _timer(parent: QObject, slot: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
