"""Labels layers that hold grey levels, as masks of 0 and 255 do: which class each value is."""

from collections.abc import Sequence

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.labels import (
    joint_levels,
    levels_among,
    note_on_levels,
    numbered_classes,
)
from napari_unet.widgets.painting.trust import Trust


class GreyLevels:
    """The grey levels of some labels layers, as far as their trusted voxels have been counted; by
    the rule of files, a level is the same class in all of them.

    `problem` says why it is not known which class they are, if it is not.
    """

    def __init__(self, trusts: Sequence[Trust]) -> None:
        self._labels = [set(trust.map.amount().labels) for trust in trusts]
        self._own = [
            levels_among(labels, np.iinfo(trust.map.labels.dtype).max)
            for labels, trust in zip(self._labels, trusts, strict=True)
        ]
        self._joint: np.ndarray | None = None
        self.problem = ""
        try:
            self._joint = joint_levels(self._own)
        except ScanError as error:
            self.problem = str(error)

    @property
    def note(self) -> str:
        """Which value is read as which class; empty where labels are what they are."""
        return "" if self._joint is None else note_on_levels(self._joint, numbered_classes)

    def of(self, number: int) -> np.ndarray | None:
        """The levels by which one of the layers is read; None for labels that are what they are."""
        return None if self._own[number] is None else self._joint

    def labels(self) -> set[int]:
        """The labels of all the layers, grey levels as the classes that they are."""
        found: set[int] = set()
        for number, labels in enumerate(self._labels):
            levels = self.of(number)
            values = np.array(sorted(labels), np.int64)
            found |= set(
                values.tolist() if levels is None else levels.searchsorted(values).tolist()
            )
        return found
