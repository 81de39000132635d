"""Which of the trusted voxels a head is fitted to: few enough to be fast, and spread evenly over
classes and space, so that neither a large class nor a broad stroke outvotes the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.corrections import IGNORE, LEARNT_DTYPE
from napari_unet.learn.data.example import Example

BLOCK = {2: 32, 3: 12}  # side of the blocks among which voxels are shared out, by dimensions
MOST_SORTED = 2**21  # voxels of a class in one example; of more, every second, third … is looked at


@dataclass(frozen=True)
class Voxels:
    """Voxels of one example: where each lies, (n, dimensions); its label; and how much it counts,
    so that a class counts by the square root of its trusted voxels.

    On labelled images that was better than classes of equal weight, by which a rare class is found
    too often, and than their true shares, by which it is found too seldom.
    """

    at: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def chosen_voxels(examples: Sequence[Example], most: int) -> list[Voxels]:
    """About `most` trusted voxels of the examples at most: each class has an equal share, and each
    block that holds some of a class has an equal share of that.
    """
    trusted = [np.unique(example.labels) for example in examples]
    present = sorted({int(label) for each in trusted for label in each} - {IGNORE})
    chosen = [_of_class(examples, label, most // len(present)) for label in present]
    return [_together(parts) for parts in zip(*chosen, strict=True)]


def _of_class(examples: Sequence[Example], label: int, most: int) -> list[Voxels]:
    """At most `most` voxels of one class in all examples, from each block the same number."""
    found = [np.flatnonzero(example.labels == label) for example in examples]
    count = sum(len(flat) for flat in found)
    thinned = [flat[:: 1 + len(flat) // MOST_SORTED] for flat in found]
    blocks = [
        _blocks(flat, example.labels.shape) for flat, example in zip(thinned, examples, strict=True)
    ]
    share = _share(np.concatenate([np.bincount(numbers) for numbers in blocks]), most)
    picked = [flat[_evenly(numbers, share)] for flat, numbers in zip(thinned, blocks, strict=True)]
    # with more blocks than voxels to take, every second, third … block gives its one
    picked = [flat[:: -(-sum(map(len, picked)) // most)] for flat in picked]
    weight = count**0.5 / sum(len(flat) for flat in picked)
    return [
        Voxels(
            np.stack(np.unravel_index(flat, example.labels.shape), axis=1),
            np.full(len(flat), label, LEARNT_DTYPE),
            np.full(len(flat), weight, np.float32),
        )
        for flat, example in zip(picked, examples, strict=True)
    ]


def _blocks(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The number of the block in which each voxel lies, given by its number in the array."""
    side = BLOCK[len(shape)]
    grid = [-(-length // side) for length in shape]
    at = np.unravel_index(flat, shape)
    return np.ravel_multi_index(tuple(along // side for along in at), grid)


def _evenly(blocks: np.ndarray, share: int) -> np.ndarray:
    """The numbers of voxels of which each block has `share` at most, evenly spaced."""
    order = np.argsort(blocks, kind="stable")
    sizes = np.bincount(blocks)
    starts = np.cumsum(sizes) - sizes
    picked = [
        start + np.arange(few := min(size, share)) * size // few
        for start, size in zip(starts, sizes, strict=True)
        if size
    ]
    return order[np.concatenate(picked)] if picked else order


def _share(sizes: np.ndarray, most: int) -> int:
    """How many voxels each block may give, so that all together give at most `most`; at least 1."""
    ascending = np.sort(sizes[sizes > 0])
    left = most
    for number, size in enumerate(ascending):
        share = left // (len(ascending) - number)
        if size >= share:
            return max(1, int(share))
        left -= int(size)
    return int(ascending[-1])


def _together(parts: Sequence[Voxels]) -> Voxels:
    return Voxels(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )
