"""What a model has learnt from, by hashes and counts: whether a fine-tune could forget anything.

The guard against forgetting holds a child to its parent's word on drawn pictures. Where all that the parent ever learnt from
is taught again, there is nothing else to forget, and the word of a parent that knows little would only be in the way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.learn.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.identity import identity_of

EXPERIENCE = "experience"
MOST_IMAGES = 64  # of which hashes are kept; who knows more than these is guarded
UNGUARDED: dict[str, Any] = {"guard_weights": 0.0, "guard_outputs": 0.0, "guard_pictures": 0}


def experience_of(items: Sequence[TrainItem], voxels: int, parent: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Hashes of the images that a model and those before it learnt from, and the most trusted voxels at once.

    `parent` is what the parent's training says of itself, None: there is no parent. None where that is not known, or too much.
    """
    nothing: dict[str, Any] = {"images": [], "voxels": 0}
    told = nothing if parent is None else _told(parent)
    if told is None:
        return None
    images = sorted({*told["images"], *_hashes(items)})
    return {"images": images, "voxels": max(told["voxels"], voxels)} if len(images) <= MOST_IMAGES else None


def with_needed_guard(settings: TrainSettings, items: Sequence[TrainItem], voxels: int, parent: Mapping[str, Any]) -> TrainSettings:
    """The settings without a guard, where none was asked for and there is nothing to forget: all that taught the parent teaches again."""
    told = _told(parent)
    if told is None or voxels < told["voxels"] or not set(told["images"]) <= set(_hashes(items)):
        return settings
    return settings.model_copy(update={name: none for name, none in UNGUARDED.items() if getattr(settings, name) is None})


def _hashes(items: Sequence[TrainItem]) -> list[str]:
    return sorted({identity_of(item.scan).sha256[:16] for item in items[: MOST_IMAGES + 1]})


def _told(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model's file says; None where it says nothing sensible."""
    told = training.get(EXPERIENCE)
    if not isinstance(told, Mapping):
        return None
    images, voxels = told.get("images"), told.get("voxels")
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images) or not isinstance(voxels, int):
        return None
    return {"images": images, "voxels": voxels}
