"""What a training sees of one frame: image, labels, and what the guard against forgetting needs."""

from dataclasses import dataclass

import numpy as np

# by dimensions, on how many voxels a parent is run for its targets: fixed, so that the same steps
# give the same bits however fast the machine is
TARGET_VOXELS = {2: 2**21, 3: 2**19}


@dataclass(frozen=True)
class Example:
    """One frame, or a part of it: `image` (channels, *frame) float32 and `labels` (*frame), the
    numbers of classes (uint8, see `model/head.py`), where 255 teaches nothing.

    `parent_targets` (K or 1, *frame) float16 holds the parent's probabilities, for the guard
    against forgetting; where they are NaN, nothing is guarded. `weight` (*frame) float32 says how
    much each voxel counts in the cross-entropy. `spacing` is the size of a voxel per axis, of which
    only the proportions matter; None: the same along all axes. `target_weight` is how much the
    parent's targets count.
    """

    image: np.ndarray
    labels: np.ndarray
    parent_targets: np.ndarray | None = None
    weight: np.ndarray | None = None
    spacing: tuple[float, ...] | None = None
    target_weight: float = 1.0


@dataclass(frozen=True)
class Extent:
    """How much of a scan becomes examples: `reach` model voxels around the trusted voxels of a
    frame (None: all of the frame).

    Where there is a guard, each frame holds at least `guarded_voxels`, and `other_frames`, evenly
    chosen, are added in which no voxel is trusted.
    """

    reach: int | None = None
    guarded_voxels: int = 0
    other_frames: int = 0
