"""What a model has learnt from, by hashes and numbers of voxels, and so whether a fine-tune could
forget anything.

The guard against forgetting holds a child to its parent's predictions on drawn images. Where all
that the parent ever learnt from is in the training again, there is nothing else to forget, and the
predictions of a parent that knows little would only be in the way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.scans.identity import identity_of

Voxels = Mapping[str, int]
SEEN_IMAGES = "experience"  # the key in model files, which older versions read too
MOST_IMAGES = 64  # of which hashes are stored; a model that has seen more is always guarded
UNGUARDED: dict[str, Any] = {"guard_weights": 0.0, "guard_outputs": 0.0, "guard_drawn_images": 0}


def seen_images_of(
    items: Sequence[TrainItem], voxels: Voxels, parent: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Hashes of the images that a model and those before it learnt from, and the most trusted
    voxels of each label at once; None where that is not known, or too much.

    `parent` is what the parent's file says of its training; None: there is no parent.
    """
    nothing: dict[str, Any] = {"images": [], "voxels": {}}
    before = nothing if parent is None else _read(parent)
    if before is None:
        return None
    images = sorted({*before["images"], *_hashes(items)})
    most = {
        label: max(voxels.get(label, 0), before["voxels"].get(label, 0))
        for label in sorted({*voxels, *before["voxels"]})
    }
    return {"images": images, "voxels": most} if len(images) <= MOST_IMAGES else None


def with_needed_guard(
    settings: TrainSettings, items: Sequence[TrainItem], voxels: Voxels, parent: Mapping[str, Any]
) -> TrainSettings:
    """The settings without `keep_what_it_knew`, where there is nothing to forget.

    That is: the images are there that the parent and those before it learnt from, with as many
    trusted voxels of each label.
    """
    seen = _read(parent)
    if seen is None:
        return settings
    if any(voxels.get(label, 0) < count for label, count in seen["voxels"].items()):
        return settings
    if not set(seen["images"]) <= _hashes(items):
        return settings
    return settings.model_copy(update={"keep_what_it_knew": False})


def _hashes(items: Sequence[TrainItem]) -> set[str]:
    """A hash of each image, of its form and some of its pixels."""
    scans = {id(item.scan.data): item.scan for item in items}.values()
    identities = [repr(identity_of(scan)) for scan in scans]
    return {hashlib.sha256(identity.encode()).hexdigest()[:16] for identity in identities}


def _read(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model's file says of the images it has seen; None where that makes no sense, since
    anyone may have written it.
    """
    seen = training.get(SEEN_IMAGES)
    if not isinstance(seen, Mapping):
        return None
    images = seen.get("images")
    voxels = seen.get("voxels")
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        return None
    if not isinstance(voxels, Mapping):
        return None
    if not all(isinstance(count, int) for count in voxels.values()):
        return None
    return {"images": images, "voxels": dict(voxels)}
