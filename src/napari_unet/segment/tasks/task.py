"""What the program needs to know of a task. A second task is a second class with these members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from napari_unet.model.torch_import import torch

PROBABILITY_DTYPE = np.dtype(np.float16)  # of probabilities that are kept: 0.5 ± 0.0002


@dataclass(frozen=True)
class LabelFacts:
    """How labels are shown: a colour for each label, and at None for every other; names of the
    labels from 0 on.
    """

    colours: Mapping[int | None, str]
    names: Sequence[str]


class Task(Protocol):
    """What labels mean for one model, from its probabilities to the layer that shows them."""

    @property
    def label_dtype(self) -> np.dtype:
        """The number format of labels, in arrays and in files."""

    @property
    def probability_axis(self) -> int:
        """The length of the axis that probabilities have before those of space, where they are
        kept; 0 where each voxel has one alone, and there is no such axis.
        """

    @property
    def has_threshold(self) -> bool:
        """Whether labels follow from one probability and a threshold, which can then be moved."""

    def empty_labels(self, shape: Sequence[int]) -> np.ndarray:
        """An array of labels, all of them background."""

    def decide(self, probabilities: "torch.Tensor", threshold: float) -> "torch.Tensor":
        """Labels (*region) of probabilities (K, *region), on the device of these."""

    def clear(
        self, labels: np.ndarray, probabilities: np.ndarray | None, where: np.ndarray
    ) -> None:
        """Make voxels background, with certainty: `labels` (*region), `probabilities` (K, *region)
        if they are kept, and a mask `where` (*region).
        """

    def count(self, labels: np.ndarray) -> np.ndarray:
        """How many voxels each class has, the background first."""

    def label_facts(self) -> LabelFacts:
        """How a layer shows the labels."""

    def shown_probabilities(self, probabilities: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """What layers show of probabilities that were kept: a name and (*shape) for each layer."""
