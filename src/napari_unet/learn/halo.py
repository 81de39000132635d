"""The measured halo: the least context around a tile at which a model's labels stay the same on the
scans that are at hand.

The exact halo follows from the network's shape (`model.geometry`), and much of it carries next to
nothing (Luo et al., NeurIPS 2016, on the effective receptive field). In 3D it costs more than the
tile itself, so measuring pays. No labels are needed: the model is compared with itself.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from napari_unet.errors import Cancelled, NapariUNetError
from napari_unet.learn.data.boxes import middle_of
from napari_unet.learn.halo_regions import EXACT, HaloRegion, halo_regions, smaller_halos
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.model import Model
from napari_unet.model.spec import MeasuredHalo, ModelSpec
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, should_stop, without_stop
from napari_unet.scans.scan import Scan
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run import segment_region
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.tiling import plan_size

MEASURED = SegmentSettings(halo="measured")
MOST_CHANGED = 1e-4  # of all labels
MOST_CHANGED_OF_CLASS = 0.01  # of those of any class
FEWEST_OF_CLASS = 1e-3  # of all labels: where a class is rarer, nothing is known of it
RUNS = 4  # the exact one, and those of a search among five or so, with less context
TIMED_VOXELS = 8**3  # of the small tile from which the time is estimated
TIME_SHARE = 0.1  # of a training's minutes, at most; a training that is shorter leaves it exact
MOST_SECONDS = 60.0  # where the training has no minutes
T = TypeVar("T")


class HaloMeasurement:
    """The measurement of the halo at the end of one training.

    It is planned before the first step, since it takes a part of the training's time. Where it
    fails, the training is none the worse: the halo stays exact, and `trouble` is the reason.
    """

    def __init__(self, spec: ModelSpec, training: TrainSettings, control: GetControl) -> None:
        self._spec = spec
        self._training = training
        self._control = control
        self._regions: Sequence[HaloRegion] = ()
        self.seconds = 0.0
        self.trouble = ""

    @property
    def planned(self) -> bool:
        """Whether the halo will be measured."""
        return bool(self._regions)

    def plan(self, scans: Sequence[Scan]) -> None:
        """Find where the halo can be measured, and how long that takes; nowhere, if that is too
        long.
        """
        minutes = self._training.minutes
        regions = halo_regions(self._spec, scans, self._training.empty_borders)
        if not regions:
            return
        fresh = Model(self._spec, UNet(self._spec.architecture).eval(), "")
        seconds = self._try(
            lambda: seconds_to_measure(fresh, self._engine(fresh), regions, self._control)
        )
        most = MOST_SECONDS if minutes is None else TIME_SHARE * 60 * minutes
        if seconds is not None and seconds <= most:
            self._regions = regions
            self.seconds = seconds

    def measured(self, model: Model) -> Model:
        """The model with the halo that is measured for it, where that was planned."""
        if not self.planned:
            return model
        halo = self._try(
            lambda: measured_halo(model, self._engine(model), self._regions, self._control)
        )
        return Model(with_halo(model.spec, halo), model.network, model.weights_sha256)

    def _try(self, measure: Callable[[], T]) -> T | None:
        try:
            return measure()
        except Cancelled:
            raise
        except (NapariUNetError, RuntimeError, MemoryError, OSError) as error:
            self.trouble = f"The context of tiles could not be measured, and stays exact: {error}"
            return None

    def _engine(self, model: Model) -> TorchEngine:
        return TorchEngine(model.network, choose_device(self._training.device))


def seconds_to_measure(
    model: Model, engine: Engine, regions: Sequence[HaloRegion], control: GetControl
) -> float:
    """About how long `measured_halo` will take, from one small tile with a network of that kind."""
    if not regions:
        return 0.0
    small = replace(regions[0], slices=middle_of(regions[0].slices, TIMED_VOXELS))
    began = time.monotonic()
    _labels(model, engine, small, EXACT, without_stop(control))
    seconds_per_voxel = (time.monotonic() - began) / _computed_voxels(model.spec, engine, small)
    voxels = sum(_computed_voxels(model.spec, engine, region) for region in regions)
    return seconds_per_voxel * RUNS * voxels


def measured_halo(
    model: Model, engine: Engine, regions: Sequence[HaloRegion], control: GetControl
) -> MeasuredHalo | None:
    """The least halo with which at most one label of ten thousand differs in all regions, and one
    of a hundred of each class.

    None where only the exact one does, where a class is too rare in these regions to tell, and
    after STOP.
    """
    exact = [_labels(model, engine, region, EXACT, control) for region in regions]
    if not _all_classes_occur(exact, len(model.spec.classes)):
        return None
    found = None
    candidates = smaller_halos(model.spec, regions[0])
    while candidates and not should_stop(control):
        # bisection, as if more context never changed more labels
        middle = len(candidates) // 2
        tried = MeasuredHalo(voxels=candidates[middle], changed=0.0, compared=1)
        own = Model(with_halo(model.spec, tried), model.network, "")
        labels = [_labels(own, engine, region, MEASURED, control) for region in regions]
        if should_stop(control):
            return None
        good = _halo_if_good(tried.voxels, labels, exact, len(model.spec.classes))
        found = good or found
        candidates = candidates[:middle] if good else candidates[middle + 1 :]
    return None if should_stop(control) else found


def with_halo(spec: ModelSpec, halo: MeasuredHalo | None) -> ModelSpec:
    """The spec of a model for which that halo was measured."""
    return spec.model_copy(update={"halo": halo})


def _halo_if_good(
    voxels: tuple[int, ...], labels: Sequence[np.ndarray], exact: Sequence[np.ndarray], classes: int
) -> MeasuredHalo | None:
    """A halo with the share of labels that it changes, where these are few enough."""
    compared = sum(each.size for each in exact)
    changed = sum(int((a != b).sum()) for a, b in zip(labels, exact, strict=True))
    if changed > MOST_CHANGED * compared or not _classes_stay(labels, exact, classes):
        return None
    return MeasuredHalo(voxels=voxels, changed=changed / compared, compared=compared)


def _all_classes_occur(labels: Sequence[np.ndarray], classes: int) -> bool:
    """Whether each class holds enough of the labels to be judged by."""
    counts = np.sum([np.bincount(each.ravel(), minlength=classes) for each in labels], axis=0)
    return bool(np.all(counts >= FEWEST_OF_CLASS * sum(each.size for each in labels)))


def _classes_stay(labels: Sequence[np.ndarray], exact: Sequence[np.ndarray], classes: int) -> bool:
    """Whether nearly all labels of each class are what they are in the exact ones."""
    lost = np.sum(
        [
            np.bincount(wanted[found != wanted], minlength=classes)
            for found, wanted in zip(labels, exact, strict=True)
        ],
        axis=0,
    )
    total = np.sum([np.bincount(each.ravel(), minlength=classes) for each in exact], axis=0)
    return bool(np.all(lost <= MOST_CHANGED_OF_CLASS * total))


def _computed_voxels(spec: ModelSpec, engine: Engine, region: HaloRegion) -> int:
    """Voxels computed for a region with the exact halo, in as many tiles as memory wants."""
    job = plan_job(spec, region.scan, EXACT, [region.frame], region.slices)
    lattice, core_px = lattice_of(job, engine.kind)
    tiles, window = plan_size(lattice, job.region, core_px)
    return tiles * math.prod(window)


def _labels(
    model: Model,
    engine: Engine,
    region: HaloRegion,
    settings: SegmentSettings,
    control: GetControl,
) -> np.ndarray:
    """A region's labels in the order of the frame's axes, as one tile where memory allows; what
    STOP leaves is 0.
    """
    settings = settings.model_copy(update={"empty_borders": region.empty_borders})
    job = plan_job(model.spec, region.scan, settings, [region.frame], region.slices)
    return segment_region(model, job, engine=engine, control=control)
