"""The measured halo: the least context around a tile at which a model's labels stay the same on the
scans that are at hand.

The exact halo follows from the network's shape (`model.geometry`), and much of it carries next to
nothing (Luo et al., NeurIPS 2016, on the effective receptive field). In 3D it costs more than the
tile itself, so measuring pays. No labels are needed: the model is compared with itself.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.judging.regions import middle, voxels_of, without_stop
from napari_unet.model.model import Model
from napari_unet.model.spec import MeasuredHalo, ModelSpec
from napari_unet.progress import GetControl, should_stop
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run import segment_region
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.lattice import exact_lattice, lattice_of
from napari_unet.segment.tiles.tiling import Lattice, plan_size

EXACT = SegmentSettings(halo="exact")
MEASURED = SegmentSettings(halo="measured")
COMPARED = 10**6  # voxels, at least
WANTED = (
    2**20
    # about as many are looked at: cubes of a hundred, smaller than the tiles that are used, so their
    # ends are nearer
)
MOST_CHANGED = 1e-4  # of all labels
MOST_CHANGED_OF_CLASS = 0.01  # of those of any class
FEWEST_OF_CLASS = 1e-3  # of all labels: where a class is rarer, nothing is known of it
RUNS = 4  # the exact one, and those of a search among five or so, with less context


@dataclass(frozen=True)
class Place:
    """A region of a frame of a scan, so far from the frame's ends that a tile of it is cut on every
    side of the `free` axes.
    """

    scan: Scan
    frame: Index
    region: Slices
    free: tuple[bool, ...]


def places_of(spec: ModelSpec, scans: Sequence[Scan]) -> list[Place]:
    """Where to measure; nowhere in the plane, where exact tiles cost little, nor if there is too
    little to measure on.
    """
    if spec.architecture.dimensions == 2:
        return []
    found: list[Place] = []
    left = WANTED
    for place in _candidates(spec, scans):
        if left > 0 and (not found or place.free == found[0].free):
            found.append(Place(place.scan, place.frame, middle(place.region, left), place.free))
            left -= voxels_of(found[-1].region)
    return found if WANTED - left >= COMPARED else []


def seconds_for(
    model: Model, engine: Engine, places: Sequence[Place], control: GetControl
) -> float:
    """About how long `measured_halo` will take, from one small tile with a network of that kind."""
    if not places:
        return 0.0
    first = places[0]
    small = Place(first.scan, first.frame, middle(first.region, 8**3), first.free)
    began = time.monotonic()
    _labels(model, engine, small, EXACT, without_stop(control))
    each = (time.monotonic() - began) / _computed(model.spec, engine, small)
    return each * RUNS * sum(_computed(model.spec, engine, place) for place in places)


def measured_halo(
    model: Model, engine: Engine, places: Sequence[Place], control: GetControl
) -> MeasuredHalo | None:
    """The least halo with which at most one label of ten thousand differs in all places, and one of
    a hundred of each class.

    None where only the exact one does, where a class is too rare in these places to tell, and after
    STOP.
    """
    exact = [_labels(model, engine, place, EXACT, control) for place in places]
    found = None
    candidates = _halos(model.spec, places[0])
    if not _all_classes(exact, len(model.spec.classes)):
        return None
    while candidates and not should_stop(control):
        halo = candidates[len(candidates) // 2]
        tried = Model(
            with_halo(model.spec, MeasuredHalo(voxels=halo, changed=0.0, compared=1)),
            model.network,
            "",
        )
        pairs = [
            (_labels(tried, engine, place, MEASURED, control), wanted)
            for place, wanted in zip(places, exact, strict=True)
        ]
        if should_stop(control):
            return None
        compared = sum(a.size for a, _ in pairs)
        changed = sum(int((a != b).sum()) for a, b in pairs)
        if changed <= MOST_CHANGED * compared and _classes_stay(pairs, len(model.spec.classes)):
            found = MeasuredHalo(voxels=halo, changed=changed / compared, compared=compared)
            candidates = candidates[: len(candidates) // 2]
        else:
            candidates = candidates[len(candidates) // 2 + 1 :]
    return None if should_stop(control) else found


def with_halo(spec: ModelSpec, halo: MeasuredHalo | None) -> ModelSpec:
    """The spec of a model of which that was measured."""
    return spec.model_copy(update={"halo": halo})


def _candidates(spec: ModelSpec, scans: Sequence[Scan]) -> Iterator[Place]:
    """The inner part of every frame that is long enough for one along some axis; other axes are
    taken whole.
    """
    for scan in scans:
        lattice = exact_lattice(spec, scan, EXACT)
        inner, free = zip(
            *(_inner(lattice, axis) for axis in range(len(lattice.maps))), strict=True
        )
        if any(free):
            yield from (Place(scan, frame, inner, free) for frame in scan.frames(len(inner)))


def _inner(lattice: Lattice, axis: int) -> tuple[slice, bool]:
    """What of an axis, in voxels of the scan, has an exact halo on both sides; the whole axis where
    that is too little.
    """
    axis_map = lattice.maps[axis]
    margin = lattice.reach[axis]
    if axis_map.model_length < 2 * margin + lattice.strides[axis]:
        return slice(0, axis_map.length), False
    ends = math.ceil(margin * axis_map.factor)
    return slice(ends, max(ends + 1, axis_map.length - ends)), True


def _halos(spec: ModelSpec, place: Place) -> list[tuple[int, ...]]:
    """Less than exact, along the free axes, in steps of the network's strides; the least first."""
    lattice = exact_lattice(spec, place.scan, EXACT)
    axes = list(zip(lattice.halo, lattice.strides, place.free, strict=True))
    most = max(end // step for end, step, free in axes if free)
    return [
        tuple(min(end, n * step) if free else end for end, step, free in axes)
        for n in range(1, most)
    ]


def _computed(spec: ModelSpec, engine: Engine, place: Place) -> int:
    """Voxels that are computed for a place with the exact halo, in as many tiles as memory wants."""
    job = plan_job(spec, place.scan, EXACT, [place.frame], place.region)
    lattice, core_px = lattice_of(job, engine.kind)
    tiles, window = plan_size(lattice, job.region, core_px)
    return tiles * math.prod(window)


def _all_classes(labels: Sequence[np.ndarray], classes: int) -> bool:
    """Whether each class holds enough of the labels to be judged by."""
    counts = np.sum([np.bincount(each.ravel(), minlength=classes) for each in labels], axis=0)
    return bool(np.all(counts >= FEWEST_OF_CLASS * sum(each.size for each in labels)))


def _classes_stay(pairs: Sequence[tuple[np.ndarray, np.ndarray]], classes: int) -> bool:
    """Whether next to all labels of each class are what they are in the exact ones, which come
    second in each pair.
    """
    lost = np.sum(
        [np.bincount(exact[found != exact], minlength=classes) for found, exact in pairs], axis=0
    )
    held = np.sum([np.bincount(exact.ravel(), minlength=classes) for _, exact in pairs], axis=0)
    return bool(np.all(lost <= MOST_CHANGED_OF_CLASS * held))


def _labels(
    model: Model, engine: Engine, place: Place, settings: SegmentSettings, control: GetControl
) -> np.ndarray:
    """A place's labels in the order of the frame's axes, as one tile where memory allows; what STOP
    leaves is 0.
    """
    job = plan_job(model.spec, place.scan, settings, [place.frame], place.region)
    return segment_region(model, job, engine=engine, control=control)
