"""How many voxels are trusted, of which label and in how many slices; only the blocks that have
changed are counted again.
"""

import time
from collections import Counter
from typing import Any

import numpy as np

from napari_unet.learn.data.corrections import UNTRUSTED, Amount
from napari_unet.widgets.arrays.block_grid import BlockGrid

AT_ONCE = 32  # blocks counted before the time is checked


class TrustCounts:
    """The trusted voxels of each label, block by block and together."""

    def __init__(self, grid: BlockGrid) -> None:
        self._grid = grid
        self.stale = np.zeros(grid.size, bool)  # blocks to be counted again
        self._of_blocks: dict[int, Counter[int]] = {}
        self._all: Counter[int] = Counter()

    def mark_stale(self, numbers: np.ndarray) -> None:
        """These blocks have to be counted again."""
        self.stale[numbers] = True

    def work(self, labels: Any, trust: np.ndarray, end: float | None = None) -> bool:
        """Count stale blocks until the time `end`; True when none is left."""
        while (numbers := np.flatnonzero(self.stale)[:AT_ONCE]).size:
            self.stale[numbers] = False
            for number in numbers:
                self._count(int(number), labels, trust)
            if end is not None and time.monotonic() > end:
                return not self.stale.any()
        return True

    def amount(self) -> Amount:
        """How much is trusted, as far as it has been counted."""
        slices = self._grid.slices(self.trusted())
        return Amount(
            slices,
            self._all.total(),
            {label: count for label, count in sorted(self._all.items()) if count},
        )

    def trusted(self) -> np.ndarray:
        """The numbers of the blocks with any trust, in order."""
        return np.array(sorted(self._of_blocks), np.int64)

    def _count(self, number: int, labels: Any, trust: np.ndarray) -> None:
        box = self._grid.box(number)
        self._all.subtract(self._of_blocks.pop(number, Counter()))
        where = trust[box] != UNTRUSTED
        if where.any():
            self._of_blocks[number] = _counter(np.asarray(labels[box])[where])
            self._all.update(self._of_blocks[number])


def _counter(labels: np.ndarray) -> Counter[int]:
    if labels.dtype == np.uint8:  # several times as fast
        counts = np.bincount(labels)
        found = np.flatnonzero(counts)
        return Counter(dict(zip(found.tolist(), counts[found].tolist(), strict=True)))
    found, counts = np.unique(labels, return_counts=True)
    return Counter(dict(zip(found.tolist(), counts.tolist(), strict=True)))
