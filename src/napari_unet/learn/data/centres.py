"""Where patches are centred: near trusted voxels, and near those of rare classes as often as of
common ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import CLASS_NUMBERS

MOST_CANDIDATES = 1024  # voxels remembered of each class and example
BLOCK = 2**22  # voxels examined at once
JITTER = 0.25  # of the patch: how far from its centre the chosen voxel may lie
WHOLE = 0.95  # share of trusted voxels from which on a frame counts as trusted everywhere
SIZE_POWER = 0.25  # 1 would draw every voxel alike, 0 every example


@dataclass(frozen=True)
class TrustedVoxels:
    """What is trusted of one example: how much of each class, and some voxels of it."""

    shape: tuple[int, ...]
    number: dict[int, int]  # of voxels per class
    candidates: dict[int, np.ndarray]  # (at most MOST_CANDIDATES, dimensions) per class

    @property
    def total(self) -> int:
        """Trusted voxels."""
        return sum(self.number.values())

    @property
    def everywhere(self) -> bool:
        """Whether (nearly) all of the frame is trusted."""
        return self.total >= WHOLE * prod(self.shape)


class Centres:
    """Draws the example and the centre of a patch."""

    def __init__(
        self, examples: Sequence[Example], settings: TrainSettings, patch: Sequence[int]
    ) -> None:
        rng = np.random.default_rng(settings.seed)
        self._patch = np.array(patch)
        self._trusted = [_trusted_voxels(example.labels, rng) for example in examples]
        self._class_share = settings.foreground_share
        self._trusted_share = settings.trusted_share
        self._chances = _chances([trusted.total for trusted in self._trusted])
        classes = sorted({label for trusted in self._trusted for label in trusted.number})
        self._chances_of_class = {
            label: _chances([trusted.number.get(label, 0) for trusted in self._trusted])
            for label in classes
        }
        self._guarded_chances = self._chances_where_guarded(examples)
        if not classes:
            raise SettingsError(
                "There is nothing to learn from: no voxel of the labels is trusted. "
                "Paint some, or mark what is right."
            )

    def draw(self, rng: np.random.Generator) -> tuple[int, np.ndarray]:
        """The index of an example, and a centre in its voxels.

        Without a guard every patch is near a trusted voxel; with one, some lie anywhere, so that
        the parent's targets there are learnt too.
        """
        if self._guarded_chances is not None and rng.random() >= self._trusted_share:
            index = self._example(self._guarded_chances, rng)
            return index, self._anywhere(index, rng)
        if rng.random() < self._class_share:
            label = int(rng.choice(list(self._chances_of_class)))
            index = self._example(self._chances_of_class[label], rng)
            return index, self._near(index, label, rng)
        index = self._example(self._chances, rng)
        trusted = self._trusted[index]
        if trusted.everywhere:
            return index, self._anywhere(index, rng)
        shares = np.array(list(trusted.number.values())) / trusted.total
        return index, self._near(index, int(rng.choice(list(trusted.number), p=shares)), rng)

    def _chances_where_guarded(self, examples: Sequence[Example]) -> np.ndarray | None:
        if all(example.parent_targets is None for example in examples):
            return None
        sizes = [
            prod(trusted.shape) * (example.parent_targets is not None)
            for trusted, example in zip(self._trusted, examples, strict=True)
        ]
        return _chances(sizes)

    def _example(self, chances: np.ndarray, rng: np.random.Generator) -> int:
        return int(rng.choice(len(self._trusted), p=chances))

    def _anywhere(self, index: int, rng: np.random.Generator) -> np.ndarray:
        shape = np.array(self._trusted[index].shape)
        edge = np.minimum(self._patch, shape) / 2
        return np.asarray(rng.uniform(edge, shape - edge) - 0.5)

    def _near(self, index: int, label: int, rng: np.random.Generator) -> np.ndarray:
        """Near a voxel of a class, and such that no more than a quarter of the patch hangs over the
        frame's end.
        """
        candidates = self._trusted[index].candidates[label]
        shape = np.array(self._trusted[index].shape)
        voxel = candidates[rng.integers(len(candidates))]
        centre = voxel + rng.uniform(-JITTER, JITTER, len(shape)) * self._patch
        edge = np.minimum(self._patch / 4, shape / 2)
        return np.asarray(np.clip(centre, edge - 0.5, shape - edge - 0.5))


def _chances(sizes: Sequence[float]) -> np.ndarray:
    """Where there is more is drawn more often, but less than its size would say."""
    weights = np.array(sizes, float) ** SIZE_POWER
    return np.asarray(weights / max(weights.sum(), 1e-12))


def _trusted_voxels(labels: np.ndarray, rng: np.random.Generator) -> TrustedVoxels:
    flat = labels.reshape(-1)
    blocks = [flat[first : first + BLOCK] for first in range(0, len(flat), BLOCK)]
    # (blocks, labels)
    counts = np.array([np.bincount(block, minlength=CLASS_NUMBERS) for block in blocks])
    found = [int(label) for label in np.flatnonzero(counts.sum(axis=0)) if label != IGNORE]
    drawn = {label: _draw_of_class(blocks, label, counts[:, label], rng) for label in found}
    candidates = {
        label: np.stack(np.unravel_index(index, labels.shape), axis=1)
        for label, index in drawn.items()
    }
    number = {label: int(counts[:, label].sum()) for label in found}
    return TrustedVoxels(labels.shape, number, candidates)


def _draw_of_class(
    blocks: Sequence[np.ndarray], label: int, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Flat indices of some voxels of a class, all equally likely.

    Which of the class's voxels are drawn is decided first, by rank; then each block is searched
    alone, so that no index array of the frame's size is made.
    """
    total = int(counts.sum())
    ranks = np.sort(rng.choice(total, min(MOST_CANDIDATES, total), replace=False, shuffle=False))
    ends = np.cumsum(counts)
    drawn = []
    for number, (block, end, count) in enumerate(zip(blocks, ends, counts, strict=True)):
        first = end - count
        wanted = ranks[(ranks >= first) & (ranks < end)] - first
        if len(wanted):
            drawn.append(np.flatnonzero(block == label)[wanted] + number * BLOCK)
    return np.concatenate(drawn)
