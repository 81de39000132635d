"""Facts of the viewer's image layers that need no pixel: shape, spacing, axis labels, a key."""

from collections.abc import Mapping
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Layer

from napari_unet.scans.units import to_um
from napari_unet.widgets.fields.values import PIXEL, UM, LayerFacts

MARK = "napari_unet"  # the key of our facts in a layer's metadata

_keys: WeakKeyDictionary[Layer, int] = WeakKeyDictionary()
_next_key = count(1)


def own_facts(layer: Layer) -> dict[str, Any]:
    """What we have noted in a layer's metadata; empty for a layer that is none of ours."""
    facts: dict[str, Any] = layer.metadata.get(MARK, {})
    return facts


def note_facts(layer: Layer, facts: Mapping[str, Any]) -> None:
    """Note facts in a layer's metadata, beside those that are there."""
    layer.metadata = {**layer.metadata, MARK: {**own_facts(layer), **facts}}


def real_viewer(viewer: Any) -> Any:
    """The viewer itself, not the proxy that napari hands to widgets: layers must be the same
    objects each time.
    """
    return getattr(viewer, "__wrapped__", viewer)


def given_axis_labels(layer: Layer) -> tuple[str, ...]:
    """The layer's axis labels; none where they are only napari's numbers."""
    labels = tuple(str(label) for label in layer.axis_labels)
    return () if labels == tuple(str(number) for number in range(-layer.ndim, 0)) else labels


def image_layers(viewer: Any) -> list[Image]:
    """The image layers that can be segmented: the user's, not those that we add to a result."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image) and layer.ndim >= 2 and MARK not in layer.metadata
    ]


def layer_facts_of(layer: Image) -> LayerFacts:
    """A layer's shape, spacing and axis labels; lengths come in micrometres."""
    spacing, unit = _spacing(layer)
    shape = tuple(int(n) for n in finest(layer).shape)
    labels = given_axis_labels(layer)
    labels += ("c",) if layer.rgb and labels else ()
    return LayerFacts(layer_key(layer), layer.name, shape, bool(layer.rgb), spacing, unit, labels)


def layer_key(layer: Layer) -> int:
    """A number that no other layer has or will have."""
    if layer not in _keys:
        _keys[layer] = next(_next_key)
    return _keys[layer]


def finest(layer: Layer) -> Any:
    """The layer's array; of several resolutions the finest."""
    return layer.data[0] if layer.multiscale else layer.data


def _spacing(layer: Image) -> tuple[tuple[float, ...], str]:
    """One length per axis, in micrometres where y and x have a unit of length; then 0 for an axis
    that has none.
    """
    scale = [abs(float(step)) for step in layer.scale]
    lengths = [to_um(step, str(unit)) for step, unit in zip(scale, layer.units, strict=True)]
    if None in lengths[-2:]:
        return tuple(scale), PIXEL
    return tuple(length or 0.0 for length in lengths), UM
