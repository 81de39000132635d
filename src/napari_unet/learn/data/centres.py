"""Where patches are centred: near trusted voxels, and near those of rare classes as often as of
common ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.learn.data.example import IGNORE, Example
from napari_unet.learn.settings import TrainSettings

KEPT = 1024  # voxels remembered of each class and example
BLOCK = 2**22  # voxels looked at at once
JITTER = 0.25  # of the patch: how far from its centre the chosen voxel may lie
WHOLE = 0.95  # share of trusted voxels from which on a frame counts as trusted everywhere


@dataclass(frozen=True)
class Known:
    """What is trusted of one example: how much of each class, and some voxels of it."""

    shape: tuple[int, ...]
    counts: dict[int, int]
    voxels: dict[int, np.ndarray]  # (at most KEPT, dimensions)

    @property
    def total(self) -> int:
        """Trusted voxels."""
        return sum(self.counts.values())

    @property
    def everywhere(self) -> bool:
        """Whether (nearly) all of the frame is trusted."""
        return self.total >= WHOLE * prod(self.shape)


class Places:
    """Draws the example and the centre of a patch."""

    def __init__(
        self, examples: Sequence[Example], settings: TrainSettings, patch: Sequence[int]
    ) -> None:
        rng = np.random.default_rng(settings.seed)
        self._patch = np.array(patch)
        self._known = [_known(example.labels, rng) for example in examples]
        self._class_share = settings.foreground_share
        self._trusted_share = settings.trusted_share
        self._trusted = _weights([known.total for known in self._known])
        self._classes = {
            label: _weights([known.counts.get(label, 0) for known in self._known])
            for label in sorted({label for known in self._known for label in known.counts})
        }
        guarded = [example.prior is not None for example in examples]
        self._guarded = (
            _weights([prod(known.shape) * g for known, g in zip(self._known, guarded, strict=True)])
            if any(guarded)
            else None
        )
        if not self._classes:
            raise SettingsError(
                "There is nothing to learn from: no voxel of the labels is trusted. Paint some, or mark what is right."
            )

    def draw(self, rng: np.random.Generator) -> tuple[int, np.ndarray]:
        """The index of an example, and a centre in its voxels.

        Without a prior every patch is near a trusted voxel; with one, some lie anywhere, for the
        guard.
        """
        if self._guarded is not None and rng.random() >= self._trusted_share:
            index = int(rng.choice(len(self._known), p=self._guarded))
            return index, self._anywhere(index, rng)
        if rng.random() < self._class_share:
            label = int(rng.choice(list(self._classes)))
            index = int(rng.choice(len(self._known), p=self._classes[label]))
            return index, self._near(index, label, rng)
        index = int(rng.choice(len(self._known), p=self._trusted))
        known = self._known[index]
        if known.everywhere:
            return index, self._anywhere(index, rng)
        shares = np.array(list(known.counts.values())) / known.total
        return index, self._near(index, int(rng.choice(list(known.counts), p=shares)), rng)

    def _anywhere(self, index: int, rng: np.random.Generator) -> np.ndarray:
        shape = np.array(self._known[index].shape)
        edge = np.minimum(self._patch, shape) / 2
        return np.asarray(rng.uniform(edge, shape - edge) - 0.5)

    def _near(self, index: int, label: int, rng: np.random.Generator) -> np.ndarray:
        """Near a voxel of a class, and such that no more than a quarter of the patch hangs over the
        frame's end.
        """
        voxels = self._known[index].voxels[label]
        shape = np.array(self._known[index].shape)
        place = (
            voxels[rng.integers(len(voxels))]
            + rng.uniform(-JITTER, JITTER, len(shape)) * self._patch
        )
        edge = np.minimum(self._patch / 4, shape / 2)
        return np.asarray(np.clip(place, edge - 0.5, shape - edge - 0.5))


def _weights(sizes: Sequence[float]) -> np.ndarray:
    """Where there is more is drawn more often, but less than its size would say."""
    weights = np.array(sizes, float) ** 0.25
    return np.asarray(weights / max(weights.sum(), 1e-12))


def _known(labels: np.ndarray, rng: np.random.Generator) -> Known:
    flat = labels.reshape(-1)
    blocks = [flat[first : first + BLOCK] for first in range(0, len(flat), BLOCK)]
    counts = np.array([np.bincount(block, minlength=256) for block in blocks])  # (blocks, labels)
    found = [int(label) for label in np.flatnonzero(counts.sum(axis=0)) if label != IGNORE]
    voxels = {label: _some(blocks, label, counts[:, label], rng) for label in found}
    places = {
        label: np.stack(np.unravel_index(index, labels.shape), axis=1)
        for label, index in voxels.items()
    }
    return Known(labels.shape, {label: int(counts[:, label].sum()) for label in found}, places)


def _some(
    blocks: Sequence[np.ndarray], label: int, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Flat indices of some voxels of a class, all equally likely, block by block so that memory
    stays small.
    """
    ranks = np.sort(
        rng.choice(int(counts.sum()), min(KEPT, int(counts.sum())), replace=False, shuffle=False)
    )
    ends = np.cumsum(counts)
    chosen = []
    for number, (block, end, count) in enumerate(zip(blocks, ends, counts, strict=True)):
        wanted = ranks[(ranks >= end - count) & (ranks < end)] - (end - count)
        if len(wanted):
            chosen.append(np.flatnonzero(block == label)[wanted] + number * BLOCK)
    return np.concatenate(chosen)
