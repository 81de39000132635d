"""The task `semantic`: each voxel has one class. Its label is the number of the class, 0 is the
background.

Read without torch: probabilities bring the methods that are needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_unet.model.head import LABEL_DTYPE, Head, head_of
from napari_unet.segment.tasks.task import LabelFacts

if TYPE_CHECKING:
    from napari_unet.model.spec import ClassSpec, ModelSpec
    from napari_unet.model.torch_import import torch

BACKGROUND_COLOUR = "transparent"
UNKNOWN_COLOUR = "#ff00ff"  # of labels that no class has


@dataclass(frozen=True)
class Semantic:
    """The classes of a model, and the head that tells them apart."""

    classes: "tuple[ClassSpec, ...]"
    head: Head

    @classmethod
    def of(cls, spec: "ModelSpec") -> Self:
        """The task of the model that says this of itself."""
        return cls(spec.classes, head_of(spec.architecture))

    @property
    def label_dtype(self) -> np.dtype:
        """One byte: there are at most 255 classes."""
        return np.dtype(LABEL_DTYPE)

    @property
    def probability_axis(self) -> int:
        """One probability for each class, but of two classes the foreground's alone."""
        return self.head.channels if self.head.exclusive else 0

    @property
    def has_threshold(self) -> bool:
        """Only two classes have one: of more, the most probable is taken."""
        return not self.head.exclusive

    def empty_labels(self, shape: Sequence[int]) -> np.ndarray:
        """An array of zeros."""
        return np.zeros(tuple(shape), self.label_dtype)

    def decide(self, probabilities: "torch.Tensor", threshold: float) -> "torch.Tensor":
        """The foreground where its probability is at least the threshold; of more than two classes
        the most probable one, the first of equals.
        """
        if self.has_threshold:
            return (probabilities[0] >= threshold).byte()
        # one class after the other: argmax would take 8 bytes for each voxel
        highest = probabilities[0].clone()
        labels = highest.byte().zero_()
        for label, of_class in enumerate(probabilities[1:], start=1):
            labels[of_class > highest] = label
            highest.clamp_(min=of_class)
        return labels

    def clear(
        self, labels: np.ndarray, probabilities: np.ndarray | None, where: np.ndarray
    ) -> None:
        """Label 0, and probability 1 of the background where that has a channel."""
        labels[where] = 0
        if probabilities is not None:
            probabilities[:, where] = 0.0
            if self.head.first_label == 0:
                probabilities[0, where] = 1.0

    def count(self, labels: np.ndarray) -> np.ndarray:
        """How many voxels have each label."""
        return np.bincount(labels.ravel(), minlength=len(self.classes))

    def label_facts(self) -> LabelFacts:
        """Colours and names of the classes."""
        return facts_of_classes(self.classes)

    def shown_probabilities(self, probabilities: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """One layer for each class but the background."""
        parts = [probabilities] if self.probability_axis == 0 else list(probabilities[1:])
        names = [f"probability of {item.name}" for item in self.classes[1:]]
        return list(zip(names, parts, strict=True))


def facts_of_classes(classes: "Sequence[ClassSpec]") -> LabelFacts:
    """How classes are shown; the background is transparent whatever its colour."""
    colours: dict[int | None, str] = {n: item.colour for n, item in enumerate(classes)}
    return LabelFacts(
        {**colours, 0: BACKGROUND_COLOUR, None: UNKNOWN_COLOUR}, [item.name for item in classes]
    )


def foreground_of(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """The labels of two classes once more, from kept probabilities and another threshold."""
    foreground: np.ndarray = probabilities >= threshold
    return foreground.view(LABEL_DTYPE)
