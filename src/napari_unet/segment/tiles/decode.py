"""From a window's probabilities to a tile's labels, on the device that computed them."""

from dataclasses import dataclass

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tasks.task import Task
from napari_unet.segment.tiles.normalize import Excluded
from napari_unet.segment.tiles.tiling import Lattice, Tile
from napari_unet.segment.tiles.transfer import FromDevice
from napari_unet.segment.tiles.window import resampled

NO_NUMBERS = (
    "The network gave values that are no numbers, so there are no labels. "
    "Its weights may be damaged: choose another model."
)
OVERFLOW = (
    "Intensities of this image are too far apart for half precision. "
    "Choose full precision, or clip them."
)


@dataclass(frozen=True)
class Decoded:
    """Labels (*region), the probabilities (K, *region) if they are to be kept, and how many voxels
    of the scan are not finite. These, and what lies amid no data, are background.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None
    nonfinite: int


class PendingTile:
    """A tile whose device may still be computing it."""

    def __init__(self, job: SegmentJob, probabilities: torch.Tensor, excluded: Excluded) -> None:
        """`probabilities` (K, *region) lie on the device; `excluded` says where the scan is no
        image.
        """
        self._task: Task = job.task
        self._excluded = excluded
        self._half = job.settings.precision == "half"
        self._no_numbers = FromDevice(probabilities.isnan().any())
        self._labels = FromDevice(self._task.decide(probabilities, job.threshold))
        keep = job.settings.keep_probabilities
        self._probabilities = FromDevice(probabilities) if keep else None

    @property
    def arrived(self) -> bool:
        """Whether the tile is surely there, so that `wait` returns at once."""
        return self._labels.arrived

    def wait(self) -> Decoded:
        """The tile, as soon as it is there; raises `EngineError` if the network gave no numbers,
        as it does where half precision is too narrow for an image.
        """
        if self._no_numbers.wait():
            raise EngineError(OVERFLOW if self._half else NO_NUMBERS)
        labels = self._labels.wait().astype(self._task.label_dtype, copy=False)
        probabilities = None if self._probabilities is None else self._probabilities.wait()
        if (mask := self._excluded.mask) is not None:
            self._task.clear(labels, probabilities, mask)
        nonfinite = self._excluded.nonfinite
        return Decoded(labels, probabilities, 0 if nonfinite is None else int(nonfinite.sum()))


def decode(
    job: SegmentJob,
    probabilities: torch.Tensor,
    tile: Tile,
    lattice: Lattice,
    excluded: Excluded,
) -> PendingTile:
    """Crop a window's probabilities (K, *window) to the tile's core, bring them to the scan's grid,
    and decide the labels.
    """
    crop = tuple(
        slice(c.start - w.start, c.stop - w.start)
        for c, w in zip(tile.core, tile.window, strict=True)
    )
    part = probabilities[(slice(None), *crop)]
    for axis, (axis_map, write) in enumerate(zip(lattice.maps, tile.write, strict=True), start=1):
        part = resampled(part, axis_map.to_scan(write.start, write.stop), axis)
    return PendingTile(job, part, excluded)
