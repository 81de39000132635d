"""Moves the threshold of a finished result, piece by piece between the events of the window."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

PIECE_VOXELS = 2**20

Piece = tuple[slice, ...]


class Rethreshold(QObject):
    """Decides labels anew from kept probabilities; voxels that the user has painted since stay as they are.

    Emits `moved` with the threshold when all of it has been decided.
    """

    moved = Signal(float)

    def __init__(
        self,
        labels: np.ndarray,
        prediction: np.ndarray,
        probabilities: np.ndarray,
        changed: Callable[[], None],
        trust: Callable[[], np.ndarray | None] = lambda: None,
    ) -> None:
        """`prediction` moves along, so that what differs from it is still what was painted; what is trusted stays.

        Labels were decided from finer probabilities than are kept, so only it can tell what was painted.
        """
        super().__init__()
        self._prediction, self._trust = prediction, trust
        self._labels, self._probabilities, self._changed = labels, probabilities, changed
        self._pieces = list(cut(labels.shape))
        self._wanted = 0.5
        self._waiting: list[Piece] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer_timeout)

    def start(self, threshold: float, first: tuple[int, ...] = ()) -> None:
        """Move to this threshold, the pieces around the slice `first` before the others."""
        self._wanted = threshold
        self._waiting = sorted(self._pieces, key=lambda piece: not _holds(piece, first), reverse=True)
        self._timer.start(0)

    def stop(self) -> None:
        """Leave everything as it is now."""
        self._timer.stop()
        self._waiting = []

    def _on_timer_timeout(self) -> None:
        if not self._waiting:
            self._timer.stop()
            self.moved.emit(self._wanted)
            return
        self._decide(self._waiting.pop())
        self._changed()

    def _decide(self, piece: Piece) -> None:
        labels, prediction = self._labels[piece], self._prediction[piece]
        own, wanted = labels == prediction, (self._probabilities[piece] >= self._wanted).view(np.uint8)
        if (trust := self._trust()) is not None:
            own &= trust[piece] == 0
        labels[own] = prediction[own] = wanted[own]


def cut(shape: tuple[int, ...]) -> Iterator[Piece]:
    """Pieces of bounded size that make up an array: slices of its first axes, bands of rows."""
    steps = list(shape)
    for axis in range(len(shape)):
        inner = int(np.prod(shape[axis + 1 :]))
        steps[axis] = max(1, min(shape[axis], PIECE_VOXELS // max(1, inner)))
        if steps[axis] > 1 or inner <= PIECE_VOXELS:
            break
    starts = [range(0, n, step) for n, step in zip(shape, steps, strict=True)]
    for corner in product(*starts):
        yield tuple(slice(i, min(i + step, n)) for i, step, n in zip(corner, steps, shape, strict=True))


def _holds(piece: Piece, index: tuple[int, ...]) -> bool:
    return all(part.start <= i < part.stop for part, i in zip(piece, index, strict=False))
