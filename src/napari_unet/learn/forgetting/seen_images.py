"""What a model has learnt from, by hashes and counts: whether a fine-tune could forget anything.

The guard against forgetting holds a child to its parent's word on drawn pictures. Where all that
the parent ever learnt from is taught again, there is nothing else to forget, and the word of a
parent that knows little would only be in the way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.identity import identity_of

Voxels = Mapping[str, int]
EXPERIENCE = "experience"
MOST_IMAGES = 64  # of which hashes are kept; who knows more than these is guarded
UNGUARDED: dict[str, Any] = {"guard_weights": 0.0, "guard_outputs": 0.0, "guard_pictures": 0}


def experience_of(
    items: Sequence[TrainItem], voxels: Voxels, parent: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Hashes of the images that a model and those before it learnt from, and the most trusted
    voxels of each label at once.

    `parent` is what the parent's training says of itself, None: there is no parent. None where that
    is not known, or too much.
    """
    nothing: dict[str, Any] = {"images": [], "voxels": {}}
    told = nothing if parent is None else _told(parent)
    if told is None:
        return None
    images = sorted({*told["images"], *_hashes(items)})
    most = {
        label: max(voxels.get(label, 0), told["voxels"].get(label, 0))
        for label in sorted({*voxels, *told["voxels"]})
    }
    return {"images": images, "voxels": most} if len(images) <= MOST_IMAGES else None


def with_needed_guard(
    settings: TrainSettings, items: Sequence[TrainItem], voxels: Voxels, parent: Mapping[str, Any]
) -> TrainSettings:
    """The settings without a guard, where none was asked for and there is nothing to forget.

    That is: the images are there that taught the parent and those before it, with as many trusted
    voxels of each label.
    """
    told = _told(parent)
    if told is None or any(voxels.get(label, 0) < count for label, count in told["voxels"].items()):
        return settings
    if not set(told["images"]) <= _hashes(items):
        return settings
    return settings.model_copy(
        update={name: none for name, none in UNGUARDED.items() if getattr(settings, name) is None}
    )


def _hashes(items: Sequence[TrainItem]) -> set[str]:
    """A hash of each image, of its form and some of its pixels."""
    known = {id(item.scan.data): item.scan for item in items}
    return {
        hashlib.sha256(repr(identity_of(scan)).encode()).hexdigest()[:16] for scan in known.values()
    }


def _told(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model's file says; None where it says nothing sensible."""
    told = training.get(EXPERIENCE)
    if not isinstance(told, Mapping):
        return None
    images = told.get("images")
    voxels = told.get("voxels")
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        return None
    if not isinstance(voxels, Mapping) or not all(
        isinstance(count, int) for count in voxels.values()
    ):
        return None
    return {"images": images, "voxels": dict(voxels)}
