"""From a window's probabilities to a tile's labels, on the device that computed them."""

from dataclasses import dataclass

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tasks.task import Task
from napari_unet.segment.tiles.tiling import Lattice, Tile
from napari_unet.segment.tiles.transfer import Arriving
from napari_unet.segment.tiles.window import NonFinite, weighted

OVERFLOW = (
    "Intensities of this image are too far apart for half precision. "
    "Choose full precision, or clip them."
)


@dataclass(frozen=True)
class Decoded:
    """Labels (*region), the probabilities (K, *region) if they are to be kept, and how many voxels
    of the scan are not finite.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None
    nonfinite: int


class PendingTile:
    """A tile whose device may still be computing it."""

    def __init__(
        self,
        job: SegmentJob,
        probabilities: torch.Tensor,
        nonfinite: np.ndarray | None,
    ) -> None:
        """`probabilities` (K, *region) lie on the device; `nonfinite` (*region) says where the scan
        holds no number, None nowhere.
        """
        self._task: Task = job.task
        self._nonfinite = nonfinite
        # in half precision, large intensities become infinite on the way, and then no number
        half = job.settings.precision == "half"
        self._overflow = Arriving(probabilities.isnan().any()) if half else None
        self._labels = Arriving(self._task.decide(probabilities, job.threshold))
        keep = job.settings.keep_probabilities
        self._probabilities = Arriving(probabilities) if keep else None

    @property
    def here(self) -> bool:
        """Whether `wait` returns at once."""
        return self._labels.here

    def wait(self) -> Decoded:
        """The tile, as soon as it is there; raises `EngineError` where half precision was too
        narrow for it.
        """
        if self._overflow is not None and self._overflow.wait():
            raise EngineError(OVERFLOW)
        labels = self._labels.wait()
        probabilities = None if self._probabilities is None else self._probabilities.wait()
        if self._nonfinite is None:
            return Decoded(labels, probabilities, 0)
        self._task.clear(labels, probabilities, self._nonfinite)
        return Decoded(labels, probabilities, int(self._nonfinite.sum()))


def decode(
    job: SegmentJob,
    probabilities: torch.Tensor,
    tile: Tile,
    lattice: Lattice,
    nonfinite: NonFinite | None,
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
        part = weighted(part, axis_map.to_scan(write.start, write.stop), axis)
    return PendingTile(job, part, None if nonfinite is None else nonfinite.inside(tile.write))
