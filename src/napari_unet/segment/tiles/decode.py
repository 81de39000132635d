"""From a window's probabilities to a tile's labels, on the device that computed them."""

from dataclasses import dataclass

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.segment.tiles.tiling import Lattice, Tile
from napari_unet.segment.tiles.transfer import Arriving
from napari_unet.segment.tiles.window import Bad, weighted

OVERFLOW = "Intensities of this image are too far apart for half precision. Choose full precision, or clip them."


@dataclass(frozen=True)
class Finished:
    """Labels (*region) uint8, the probabilities (K, *region) where they are kept, and how many
    voxels of the scan are not finite.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None
    nonfinite: int


class Pending:
    """A tile whose device may still be computing it."""

    def __init__(
        self,
        labels: torch.Tensor,
        probabilities: torch.Tensor | None,
        bad: np.ndarray | None,
        lost: torch.Tensor | None = None,
    ) -> None:
        """`lost` says whether any probability is no number."""
        self._labels = Arriving(labels)
        self._bad = bad
        self._lost = None if lost is None else Arriving(lost)
        self._probabilities = None if probabilities is None else Arriving(probabilities)

    @property
    def here(self) -> bool:
        """Whether nothing is to be waited for."""
        return self._labels.here

    def wait(self) -> Finished:
        """The tile, when it is there; raises `EngineError` where half precision was too narrow for
        it.
        """
        if self._lost is not None and self._lost.wait():
            raise EngineError(OVERFLOW)
        labels = self._labels.wait()
        bad = self._bad
        probabilities = None if self._probabilities is None else self._probabilities.wait()
        if bad is None:
            return Finished(labels, probabilities, 0)
        labels[bad] = 0
        if probabilities is not None:
            probabilities[:, bad] = 0.0
            if len(probabilities) > 1:
                probabilities[0, bad] = 1.0
        return Finished(labels, probabilities, int(bad.sum()))


def finish(
    probabilities: torch.Tensor,
    tile: Tile,
    lattice: Lattice,
    threshold: float,
    keep: bool,
    bad: Bad | None,
    may_overflow: bool = False,
) -> Pending:
    """Crop a window's probabilities (K, *window) to its core, bring them to the scan's grid,
    decide.
    """
    crop = tuple(
        slice(c.start - w.start, c.stop - w.start)
        for c, w in zip(tile.core, tile.window, strict=True)
    )
    part = probabilities[(slice(None), *crop)]
    for axis, (axis_map, write) in enumerate(zip(lattice.maps, tile.write, strict=True), start=1):
        part = weighted(part, axis_map.to_scan(write.start, write.stop), axis)
    lost = part.isnan().any() if may_overflow else None
    return Pending(
        decide(part, threshold),
        part if keep else None,
        None if bad is None else bad.inside(tile.write),
        lost,
    )


def decide(probabilities: torch.Tensor, threshold: float) -> torch.Tensor:
    """Labels (*region) uint8 of probabilities (K, *region), where these are.

    One channel: 1 where the foreground's probability is at least the threshold. Several: the most
    probable class, the first of equals.
    """
    if len(probabilities) == 1:
        return (probabilities[0] >= threshold).view(torch.uint8)
    most = probabilities[0].clone()
    labels = torch.zeros(most.shape, dtype=torch.uint8, device=most.device)
    for label, of_class in enumerate(
        probabilities[1:], start=1
    ):  # argmax would take 8 bytes for each place
        labels[of_class > most] = label
        torch.maximum(most, of_class, out=most)
    return labels
