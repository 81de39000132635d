"""What parent and child are compared on, and the verdict on their labels there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.data.boxes import voxels_of
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.judging.confusion import Confusion
from napari_unet.learn.judging.held_out import HoldOut
from napari_unet.learn.judging.regions import (
    ComparedRegion,
    compared_regions,
    confusion_in,
    shares_of_changes,
)
from napari_unet.learn.judging.sampling_units import JudgedRegions
from napari_unet.learn.judging.training_regions import training_regions
from napari_unet.learn.judging.verdict import Verdict, judge, with_changes


@dataclass(frozen=True)
class Comparison:
    """The regions on which models are run, and which voxels of them judge: those held out, and
    those that the child learns from.
    """

    items: Sequence[TrainItem]
    names: Sequence[str]  # of the classes
    judged: JudgedRegions
    training: JudgedRegions
    regions: Sequence[ComparedRegion]

    @property
    def voxels(self) -> int:
        """How many voxels of the scans each model is run on."""
        return sum(voxels_of(region.slices) for region in self.regions)

    def verdict(self, child: Sequence[np.ndarray], parent: Sequence[np.ndarray] | None) -> Verdict:
        """The verdict on the two models' labels of the regions."""
        new = self._confusion(self.judged, child)
        learnt = self._confusion(self.training, child)
        if parent is None:
            return judge(new, None, self.names, self.judged.unit_kind, (learnt, None))
        old = self._confusion(self.judged, parent)
        training = (learnt, self._confusion(self.training, parent))
        verdict = judge(new, old, self.names, self.judged.unit_kind, training)
        return with_changes(verdict, *shares_of_changes(self.items, self.regions, parent, child))

    def _confusion(self, judged: JudgedRegions, labels: Sequence[np.ndarray]) -> Confusion:
        return confusion_in(self.items, judged, self.regions, labels, len(self.names))


def plan_comparison(
    items: Sequence[TrainItem],
    held: HoldOut,
    names: Sequence[str],
    dimensions: int,
    *,
    with_parent: bool,
) -> Comparison:
    """What is compared; without a parent the child alone is scored."""
    training = training_regions(items, held, dimensions)
    judged = held.judged.regions + training.regions
    regions = compared_regions(items, judged, dimensions, corrections=with_parent)
    return Comparison(items, names, held.judged, training, regions)
