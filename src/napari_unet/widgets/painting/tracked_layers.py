"""The layers whose strokes are followed, and what a training takes from one of them."""

from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
from napari.layers import Labels

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import LEARNT_DTYPE, Corrections
from napari_unet.widgets.painting.trust import Trust
from napari_unet.widgets.viewer.labels_facts import copy_of

NO_PYRAMID = (
    "Labels of several resolutions can not be painted. Open the finest one as a layer of its own; "
    "of a zarr, that is the folder 0 in it."
)

_tracked: WeakKeyDictionary[Labels, Trust] = WeakKeyDictionary()
_growing: WeakSet[Labels] = WeakSet()


def set_growing(layer: Labels, growing: bool) -> None:
    """Note that a run is writing into a layer, so that none of that is taken for a correction; or
    that it has ended.
    """
    if growing:
        _growing.add(layer)
    else:
        _growing.discard(layer)


def track(layer: Labels, known: np.ndarray | None = None) -> Trust:
    """Follow what is painted on a layer from now on; `known` are the labels that a model predicted
    for it, by default those that it has now.

    Raises `ScanError` for a layer that can not be painted, `OutputError` where there is no room.
    """
    if layer.multiscale:
        raise ScanError(NO_PYRAMID)
    if layer not in _tracked:
        _tracked[layer] = Trust(layer, _known_labels(layer, known))
    trust = _tracked[layer]
    if trust.map.known is None and known is not None:  # it was followed while a run wrote it
        trust.map.known = known
    return trust


def _known_labels(layer: Labels, predicted: np.ndarray | None) -> np.ndarray | None:
    """The labels that are nobody's correction; None while a run writes them."""
    if layer in _growing:
        return None
    return predicted if predicted is not None else copy_of(layer.data)


def trust_of_layer(layer: Any) -> Trust | None:
    """The trust of a layer; None where it is not followed."""
    return _tracked.get(layer) if isinstance(layer, Labels) else None


def copy_corrections(
    layer: Labels, levels: np.ndarray | None = None, dtype: np.dtype = LEARNT_DTYPE
) -> Corrections:
    """A copy of what the user corrected or called right in a layer, for another thread to read;
    `levels` are the values of labels that are grey levels. Labels are in the format of a task, or
    else as a training takes them.

    Only for the main thread. Raises `ScanError` for trusted labels that this format has not.
    """
    return track(layer).corrections(levels, dtype)


def trust_array(layer: "ref[Labels]") -> np.ndarray | None:
    """The trust of each voxel of a layer, not copied; None where it is not followed."""
    trust = trust_of_layer(layer())
    return trust.map.trust if trust is not None else None
