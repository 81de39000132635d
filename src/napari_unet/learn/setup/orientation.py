"""Whether the scans all lie the same way, as organs in a body do and cells in a dish do not.

Where they do, where a class lies tells what it is: the front of a hippocampus mirrored looks like
its back, so that a network which learns from mirrored patches is taught to confuse the two. The
labels tell: of each pair of classes, background included, the way from the centre of one to that of
the other points to the same side in nearly all scans, and in so many that it is no chance.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binom

from napari_unet.errors import SettingsError
from napari_unet.learn.data.corrections import REVIEWED
from napari_unet.learn.data.evenly import evenly_chosen
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.data.same_scan import scan_numbers
from napari_unet.learn.settings import TrainSettings

CHANCE = 0.01  # that scans which lie any way seem to lie the same
ENOUGH_SCANS = 16  # to overrule what the parent's file says
MOST_SCANS = 64
MOST_FRAMES = 4  # of a scan
MOST_CLASSES = 8
MOST_VOXELS = 2**18  # of a frame
AGREEING = 0.95  # share of the scans
LEAST_DISTANCE = 0.05  # of a frame's length, between two classes in the mean


def with_orientation(
    settings: TrainSettings, items: Sequence[TrainItem], dimensions: int, parent: Mapping[str, Any]
) -> TrainSettings:
    """The settings with the axes along which scans lie the same way, where none were given.

    `parent` is what the file of the model to begin with says of its training: what few scans can
    not tell, it may know. Raises `SettingsError` where those given are not one for each of the
    `dimensions` of a frame.
    """
    if settings.oriented is None:
        oriented = oriented_axes(items, dimensions)
        if len(_different(items)) < ENOUGH_SCANS:
            known = _axes_of_parent(parent, dimensions)
            oriented = tuple(own or its for own, its in zip(oriented, known, strict=True))
        return settings.model_copy(update={"oriented": oriented})
    if len(settings.oriented) != dimensions:
        raise SettingsError(
            f"Oriented axes are {len(settings.oriented)}, but the network works in {dimensions}D. "
            "Give one for each axis."
        )
    return settings


def sentence_of(settings: TrainSettings, axes: str) -> str:
    """What a user should know of it, `axes` being the letters of a frame; empty where scans lie any
    way.
    """
    along = [letter for letter, alike in zip(axes, settings.oriented or (), strict=False) if alike]
    if not along:
        return ""
    return (
        f"Along {' and '.join(along)} all scans lie the same way, "
        "so that nothing was mirrored there."
    )


def oriented_axes(items: Sequence[TrainItem], dimensions: int) -> tuple[bool, ...]:
    """For each axis of a frame, whether the scans all lie the same way along it."""
    scans = evenly_chosen(_different(items), MOST_SCANS)
    centres = [found for item in scans if (found := _centres(item, dimensions))]
    pairs = list(combinations(_usual_classes(centres), 2))
    # each pair and axis is a test of its own, so each gets its part of the chance (Bonferroni)
    chance = CHANCE / max(1, len(pairs) * dimensions)
    alike = np.zeros(dimensions, bool)
    for one, other in pairs:
        both = [found for found in centres if one in found and other in found]
        if both:
            alike |= _alike(np.array([found[one] - found[other] for found in both]), chance)
    return tuple(bool(axis) for axis in alike)


def _alike(directions: np.ndarray, chance: float) -> np.ndarray:
    """Along which axes nearly all directions (scans, dimensions) point to one side, by more than
    chance and by much.
    """
    count = len(directions)
    agreeing = np.maximum((directions > 0).sum(axis=0), (directions < 0).sum(axis=0))
    by_chance = 2 * binom.sf(agreeing - 1, count, 0.5)  # of a coin for each scan (the sign test)
    distance = np.abs(directions.mean(axis=0))
    certain = (by_chance <= chance) & (agreeing >= AGREEING * count)
    return np.asarray(certain & (distance >= LEAST_DISTANCE))


def _different(items: Sequence[TrainItem]) -> list[TrainItem]:
    """The first item of each scan: labels of the same one always agree."""
    return [
        item
        for number, (item, first) in enumerate(zip(items, scan_numbers(items), strict=True))
        if number == first
    ]


def _axes_of_parent(training: Mapping[str, Any], dimensions: int) -> tuple[bool, ...]:
    """What a model's file says of the axes; none where that makes no sense, since anyone may have
    written it.
    """
    settings = training.get("settings")
    oriented = settings.get("oriented") if isinstance(settings, Mapping) else None
    if isinstance(oriented, list | tuple) and len(oriented) == dimensions:
        return tuple(axis is True for axis in oriented)
    return (False,) * dimensions


def _usual_classes(centres: Sequence[Mapping[int, np.ndarray]]) -> list[int]:
    """The classes that most scans have."""
    numbers = [label for found in centres for label in found]
    return sorted(set(numbers), key=lambda label: (-numbers.count(label), label))[:MOST_CLASSES]


def _centres(item: TrainItem, dimensions: int) -> dict[int, np.ndarray]:
    """The centre of each class, as shares of the frame's lengths, the mean of some frames that were
    reviewed as a whole.
    """
    frames = [
        each
        for each in item.frames(dimensions)
        if item.trust is None or (item.trust_of(*each) == REVIEWED).all()
    ]
    found: dict[int, list[np.ndarray]] = {}
    for frame, whole in evenly_chosen(frames, MOST_FRAMES):
        labels = _thinned(item.labels_of(frame, whole))
        for label in np.unique(labels):
            found.setdefault(int(label), []).append(_centre(labels == label))
    return {label: np.mean(centres, axis=0) for label, centres in found.items()}


def _thinned(labels: np.ndarray) -> np.ndarray:
    """Every second, third … voxel of a large frame, so that few enough are left."""
    step = max(1, int(np.ceil((labels.size / MOST_VOXELS) ** (1 / labels.ndim))))
    return labels[(slice(step // 2, None, step),) * labels.ndim]


def _centre(mask: np.ndarray) -> np.ndarray:
    """The centre of the True voxels, as a share of each axis' length."""
    axes = range(mask.ndim)
    profiles = [mask.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    means = [profile @ (np.arange(len(profile)) + 0.5) / profile.sum() for profile in profiles]
    return np.array(means) / mask.shape
