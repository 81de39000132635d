"""The layers whose strokes are followed, and what a training takes from one of them."""

from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
from napari.layers import Labels

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import Corrections
from napari_unet.widgets.painting.tracker import Trust
from napari_unet.widgets.viewer.labels_facts import copy_of

NO_PYRAMID = (
    "Labels of several resolutions can not be painted. Open the finest one as a layer of its own; "
    "of a zarr, that is the folder 0 in it."
)


_tracked: WeakKeyDictionary[Labels, Trust] = WeakKeyDictionary()
_growing: WeakSet[Labels] = WeakSet()


def set_growing(layer: Labels, growing: bool) -> None:
    """Say that a run is writing into a layer, so that none of that is taken for a correction; or
    that it has ended.
    """
    _growing.add(layer) if growing else _growing.discard(layer)


def track(layer: Labels, known: np.ndarray | None = None) -> Trust:
    """Follow what is painted on a layer from now on; `known` are its labels as a model predicted
    them, without them as they are.

    Raises `ScanError` for a layer that can not be painted, `OutputError` where there is no room.
    """
    if layer.multiscale:
        raise ScanError(NO_PYRAMID)
    if layer not in _tracked:
        _tracked[layer] = Trust(
            layer,
            None if layer in _growing else known if known is not None else copy_of(layer.data),
        )
    trust = _tracked[layer]
    if trust.map.known is None and known is not None:  # followed while it grew
        trust.map.known = known
    return trust


def tracked(layer: Any) -> Trust | None:
    """The trust of a layer that is followed."""
    return _tracked.get(layer) if isinstance(layer, Labels) else None


def corrections_of(layer: Labels) -> Corrections:
    """What the user corrected and vouched for in a layer, copied: what is painted from now on does
    not change it.

    To be called on the main thread. Raises `ScanError` for trusted labels that no class can have.
    """
    return track(layer).corrections()


def trust_array(layer: "ref[Labels]") -> np.ndarray | None:
    """The trust of each voxel of a layer as it is now, not copied."""
    trust = tracked(layer())
    return trust.map.trust if trust is not None else None
