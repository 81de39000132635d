"""The task `semantic`: each voxel has one class. Its label is the number of the class, 0 is the
background.

Read without torch: probabilities bring the methods that are needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_unet.model.head import CLASS_DTYPE, Head, head_of
from napari_unet.segment.tasks.task import LabelFacts, Summary, facts_of_classes

if TYPE_CHECKING:
    from napari_unet.model.spec import ClassSpec, ModelSpec
    from napari_unet.model.torch_import import torch


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
        return np.dtype(CLASS_DTYPE)

    @property
    def probability_axis(self) -> int:
        """One probability for each class, but of two classes the foreground's alone."""
        return self.head.channels if self.head.exclusive else 0

    @property
    def has_threshold(self) -> bool:
        """Only two classes have one: of more, the most probable is taken."""
        return not self.head.exclusive

    @property
    def can_redecide(self) -> bool:
        """Wherever there is a threshold."""
        return self.has_threshold

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

    def redecide(self, probabilities: np.ndarray, threshold: float) -> np.ndarray:
        """The labels of two classes once more."""
        foreground: np.ndarray = probabilities >= threshold
        return foreground.view(self.label_dtype)

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

    def summary(self, counted: np.ndarray) -> Summary:
        """The voxels of each class, and in words the share of each but the background."""
        voxels = {item.name: int(n) for item, n in zip(self.classes, counted, strict=True)}
        total = max(1, sum(voxels.values()))
        shares = [f"{name} {n / total:.1%}" for name, n in list(voxels.items())[1:]]
        return Summary(voxels, {}, ", ".join(shares))

    def label_facts(self) -> LabelFacts:
        """Colours and names of the classes."""
        return facts_of_classes(self.classes)

    def shown_probabilities(self, probabilities: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """One layer for each class but the background."""
        parts = [probabilities] if self.probability_axis == 0 else list(probabilities[1:])
        names = [f"probability of {item.name}" for item in self.classes[1:]]
        return list(zip(names, parts, strict=True))
