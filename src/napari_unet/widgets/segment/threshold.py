"""The last result of a dock: its threshold can be moved without a new run."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.model.formats.header import ModelHeader
from napari_unet.widgets.arrays.block_grid import Box, boxes, whole
from napari_unet.widgets.painting.tracked_layers import trust_array, trust_of_layer
from napari_unet.widgets.segment.result_layer import ResultLayer
from napari_unet.widgets.viewer.focus import slice_shown
from napari_unet.widgets.viewer.layer_facts import own_facts


class LastResult:
    """Moves the threshold of a result with probabilities, where its task allows that, until its
    layer is deleted.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._result: ResultLayer | None = None
        self._mover: Rethreshold | None = None
        self._model: ModelHeader | None = None

    def take(self, result: ResultLayer | None, model: ModelHeader | None) -> None:
        """Follow this result of this model from now on."""
        self.clear()
        if result is None or not result.arrays.can_redecide:
            return
        arrays = result.arrays
        self._result = result
        self._model = model
        labels = result.labels
        trust = _no_trust if labels is None else partial(trust_array, weakref.ref(labels))
        self._mover = Rethreshold(
            arrays.labels, arrays.prediction, arrays.redecided, result.refresh, trust
        )
        self._mover.moved.connect(self._note)
        result.gone.connect(self.clear)

    def clear(self) -> None:
        """Follow nothing, and let go of the arrays."""
        if self._mover is not None:
            self._mover.stop()
        if self._result is not None:
            self._result.gone.disconnect(self.clear)
        self._result = None
        self._mover = None

    def set_threshold(self, threshold: float, model: ModelHeader | None) -> None:
        """Move the threshold of the result if this model made it, what is shown first."""
        viewer = self._viewer()
        labels = self._result.labels if self._result is not None else None
        if self._mover is None or labels is None or viewer is None or model != self._model:
            return
        self._note(None)  # until all of it has moved, some labels have the old threshold
        self._mover.start(threshold, slice_shown(viewer, labels))

    def _note(self, threshold: float | None) -> None:
        if self._result is not None and (labels := self._result.labels) is not None:
            if threshold is not None and (trust := trust_of_layer(labels)) is not None:
                trust.rewritten(whole(labels.data.shape))
            settings = own_facts(labels).get("settings", {})
            self._result.note(
                {"threshold": threshold, "settings": {**settings, "threshold": threshold}}
            )


def _no_trust() -> None:
    """Stand for the trust of a layer that there is not."""


PIECE_VOXELS = 2**20  # decided between two turns of the event loop, in some milliseconds


class Rethreshold(QObject):
    """Decides labels again from their probabilities; voxels that the user has painted since stay
    as they are.

    Emits `moved` with the threshold when all of it has been decided.
    """

    moved = Signal(float)

    def __init__(
        self,
        labels: np.ndarray,
        prediction: np.ndarray,
        redecided: Callable[[Box, float], np.ndarray],
        changed: Callable[[], None],
        trust: Callable[[], np.ndarray | None] = _no_trust,
    ) -> None:
        """`redecided` gives the labels of a piece with another threshold. `prediction` moves along,
        so that what differs from it is still what was painted; what is trusted stays.

        Probabilities are rounded to float16 after labels were decided, so labels that differ from
        them need not be painted: only `prediction` can tell.
        """
        super().__init__()
        self._prediction = prediction
        self._trust = trust
        self._labels = labels
        self._redecided = redecided
        self._changed = changed
        self._pieces = list(boxes(labels.shape, PIECE_VOXELS))
        self._threshold = 0.5
        self._waiting: list[Box] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer_timeout)

    def start(self, threshold: float, first: tuple[int, ...] = ()) -> None:
        """Move to this threshold, the pieces around the slice `first` before the others."""
        self._threshold = threshold
        self._waiting = sorted(
            self._pieces, key=lambda piece: not _holds(piece, first), reverse=True
        )
        self._timer.start(0)

    def stop(self) -> None:
        """Leave everything as it is now."""
        self._timer.stop()
        self._waiting = []

    def _on_timer_timeout(self) -> None:
        if not self._waiting:
            self._timer.stop()
            self.moved.emit(self._threshold)
            return
        self._decide(self._waiting.pop())
        self._changed()

    def _decide(self, piece: Box) -> None:
        labels = self._labels[piece]
        prediction = self._prediction[piece]
        unpainted = labels == prediction
        decided = self._redecided(piece, self._threshold)
        if (trust := self._trust()) is not None:
            unpainted &= trust[piece] == 0
        labels[unpainted] = decided[unpainted]
        prediction[unpainted] = decided[unpainted]


def _holds(piece: Box, index: tuple[int, ...]) -> bool:
    return all(part.start <= i < part.stop for part, i in zip(piece, index, strict=False))
