"""What the program needs to know of a task. A second task is a second class with these members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from napari_unet.model.spec import ClassSpec
    from napari_unet.model.torch_import import torch

PROBABILITY_DTYPE = np.dtype(np.float16)  # of probabilities that are kept: 0.5 ± 0.0002


BACKGROUND_COLOUR = "transparent"
UNKNOWN_COLOUR = "#ff00ff"  # of labels that no class has


@dataclass(frozen=True)
class LabelFacts:
    """How labels are shown: a colour for each label, and at None for every other; names of the
    labels from 0 on.

    Without `colours`, each label has one of its own, as suits the numbers of objects.
    """

    colours: Mapping[int | None, str] | None
    names: Sequence[str]


@dataclass(frozen=True)
class Summary:
    """What a result holds: the voxels of each class by its name, what else a task counts (such as
    objects) by the name that it has in JSON, and the same in a few words.
    """

    voxels: Mapping[str, int]
    others: Mapping[str, int]
    text: str


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
        """Whether labels depend on a threshold, which a user may then choose."""

    @property
    def can_redecide(self) -> bool:
        """Whether each voxel's label follows from its own probability, so that a result which is
        shown can follow another threshold at once.
        """

    def empty_labels(self, shape: Sequence[int]) -> np.ndarray:
        """An array of labels, all of them background."""

    def decide(self, probabilities: "torch.Tensor", threshold: float) -> "torch.Tensor":
        """Labels (*region) of probabilities (K, *region), on the device of these; in any format of
        whole numbers, since not every device has that of `label_dtype`.
        """

    def redecide(self, probabilities: np.ndarray, threshold: float) -> np.ndarray:
        """Labels once more, of kept probabilities and another threshold, where `can_redecide`."""

    def clear(
        self, labels: np.ndarray, probabilities: np.ndarray | None, where: np.ndarray
    ) -> None:
        """Make voxels background, with certainty: `labels` (*region), `probabilities` (K, *region)
        if they are kept, and a mask `where` (*region).
        """

    def count(self, labels: np.ndarray) -> np.ndarray:
        """What a result's summary needs, as whole numbers that can be added up over its tiles."""

    def summary(self, counted: np.ndarray) -> Summary:
        """What the sum of these numbers says of a result."""

    def label_facts(self) -> LabelFacts:
        """How a layer shows the labels."""

    def shown_probabilities(self, probabilities: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """What layers show of probabilities that were kept: a name and (*shape) for each layer."""


def facts_of_classes(classes: "Sequence[ClassSpec]") -> LabelFacts:
    """How labels are shown that are the numbers of classes, whatever task they are from; the
    background is transparent whatever its colour.
    """
    colours: dict[int | None, str] = {n: item.colour for n, item in enumerate(classes)}
    return LabelFacts(
        {**colours, 0: BACKGROUND_COLOUR, None: UNKNOWN_COLOUR}, [item.name for item in classes]
    )
