"""A model's labels of the regions on which it is compared: those of `napari_unet.segment` on the
native scan, computed for the regions alone.

The halo is the exact one: two models that are compared must not differ by the ends of their tiles.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_unet.learn.data.normalised import NormalisedScan
from napari_unet.learn.judging.regions import ComparedRegion
from napari_unet.model.model import Model
from napari_unet.progress import GetControl, without_stop
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run import segment_region
from napari_unet.segment.settings import SegmentSettings

EXACT = SegmentSettings(halo="exact")


def labels_in_regions(
    model: Model,
    scans: Sequence[NormalisedScan],
    regions: Sequence[ComparedRegion],
    device: str,
    control: GetControl,
) -> list[np.ndarray]:
    """The labels of every region of the items' `scans`, in the order of the frame's axes, by the
    statistics that are known of its frame. STOP is not heeded: a region that is half done can not
    be judged.
    """
    engine = TorchEngine(model.network, choose_device(device))
    go_on = without_stop(control)
    found = []
    for region in regions:
        normalised = scans[region.item]
        job = plan_job(model.spec, normalised.scan, EXACT, [region.frame], region.slices)
        job = replace(job, statistics={region.frame: normalised.statistics(region.frame)})
        found.append(segment_region(model, job, engine=engine, control=go_on))
    return found
