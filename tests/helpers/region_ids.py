"""A second task in one file: each region of foreground that hangs together has a number of its own.

It can be right within a tile alone, since no tile knows the regions of the others: enough to show
that nothing but the table of tasks has to know of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import label as number_regions

from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.segment.tasks.registry import TASKS
from napari_unet.segment.tasks.task import LabelFacts, Summary

NAME = "instances"
FIRST = 2**32 - 1000  # ids are large, so that whatever has less room for them shows


@dataclass(frozen=True)
class RegionIds:
    """The foreground of two classes, each of its regions numbered down from the largest id."""

    classes: tuple[str, ...]

    @classmethod
    def of(cls, spec: ModelSpec) -> "RegionIds":
        return cls(tuple(item.name for item in spec.classes))

    @property
    def label_dtype(self) -> np.dtype:
        return np.dtype(np.uint32)

    @property
    def probability_axis(self) -> int:
        return 0

    @property
    def has_threshold(self) -> bool:
        return True

    @property
    def can_redecide(self) -> bool:
        return False  # a region that breaks in two changes the numbers of others

    def empty_labels(self, shape: Sequence[int]) -> np.ndarray:
        return np.zeros(tuple(shape), self.label_dtype)

    def decide(self, probabilities: torch.Tensor, threshold: float) -> torch.Tensor:
        numbers, _ = number_regions(probabilities[0].numpy() >= threshold)
        return torch.from_numpy(np.where(numbers, numbers.astype(np.int64) + FIRST, 0))

    def redecide(self, probabilities: np.ndarray, threshold: float) -> np.ndarray:
        raise NotImplementedError

    def clear(
        self, labels: np.ndarray, probabilities: np.ndarray | None, where: np.ndarray
    ) -> None:
        labels[where] = 0
        if probabilities is not None:
            probabilities[:, where] = 0.0

    def count(self, labels: np.ndarray) -> np.ndarray:
        filled = int(np.count_nonzero(labels))
        return np.array([labels.size - filled, filled, len(np.unique(labels[labels > 0]))])

    def summary(self, counted: np.ndarray) -> Summary:
        empty, filled, objects = map(int, counted)
        voxels = dict(zip(self.classes, (empty, filled), strict=True))
        return Summary(voxels, {"objects": objects}, f"{objects} objects")

    def label_facts(self) -> LabelFacts:
        return LabelFacts(None, ())

    def shown_probabilities(self, probabilities: np.ndarray) -> list[tuple[str, np.ndarray]]:
        return [(f"probability of {self.classes[1]}", probabilities)]


def with_region_ids(monkeypatch: pytest.MonkeyPatch, model: Model) -> Model:
    """The line in the table of tasks, and the model as one of that task."""
    monkeypatch.setitem(TASKS, NAME, RegionIds.of)
    spec = model.spec.model_copy(update={"task": NAME})
    return Model(spec, model.network, model.weights_sha256)
