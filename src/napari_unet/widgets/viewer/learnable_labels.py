"""The labels layers that a model can learn from, and facts of them that need no voxel."""

from typing import Any

from napari.layers import Labels

from napari_unet.model.spec import MAX_NAME, ClassSpec
from napari_unet.widgets.fields.values import LabelsFacts
from napari_unet.widgets.viewer.labels_facts import class_names
from napari_unet.widgets.viewer.layer_facts import layer_key, own_facts
from napari_unet.widgets.viewer.sources import source_choice
from napari_unet.words import hex_colour

OWN_KINDS = ("trust", "changes")  # layers that we add and that nobody's labels are
GREY = "#808080"
BLACK = "#000000"


def all_labels_layers(viewer: Any) -> list[Labels]:
    """Every labels layer, those too that we add or that a run is writing."""
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def labels_layers(viewer: Any) -> list[Labels]:
    """The labels layers that can be learnt from: finished results and the user's own."""
    return [layer for layer in all_labels_layers(viewer) if _is_learnable(layer)]


def labels_facts_of(layer: Labels) -> LabelsFacts:
    """A layer's shape, where it comes from, and the classes that it names."""
    facts = own_facts(layer)
    return LabelsFacts(
        layer_key(layer),
        layer.name,
        tuple(int(n) for n in layer.data.shape),
        bool(layer.visible),
        source_choice(layer),
        str(facts.get("weights_sha256", "")),
        classes_of(layer),
    )


def classes_of(layer: Labels) -> tuple[ClassSpec, ...]:
    """The classes by label, as the layer names and colours them; empty where it has no names."""
    names = [_printable(name) or f"class {label}" for label, name in enumerate(class_names(layer))]
    return tuple(
        ClassSpec(name=name, colour=colour_of(layer, label)) for label, name in enumerate(names)
    )


def colour_of(layer: Labels, label: int) -> str:
    """The colour of a label in a layer, as #rrggbb; black for the background."""
    colour = layer.get_color(label) if label else None
    if colour is None:
        return GREY if label else BLACK
    return hex_colour(colour)


def _is_learnable(layer: Labels) -> bool:
    kind = own_facts(layer).get("kind")
    # while a run writes a result, what it writes is nobody's correction
    growing = kind == "result" and not layer.editable
    return layer.ndim >= 2 and not layer.multiscale and kind not in OWN_KINDS and not growing


def _printable(name: str) -> str:
    return "".join(sign for sign in name if sign.isprintable())[:MAX_NAME].strip()
