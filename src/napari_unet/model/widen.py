"""Give a model's head more to learn with: channels for new classes, or the features of every level.
Its labels stay the same until it is trained.
"""

import copy
import math
from collections.abc import Sequence

from napari_unet.errors import SettingsError
from napari_unet.model.head import head_for_classes, head_of
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model

Tensor = torch.Tensor
# how far a new class's score lies below the mean of the others: never the best, and soon learnt
BEHIND = 4.0
HEADS = ("head.", "level_heads.")  # how the names of their tensors begin
BIAS = "head.bias"
TIE = 1e-6  # where the probability equals the threshold, the foreground wins, as it did


def widen_head(model: Model, classes: Sequence[ClassSpec]) -> Model:
    """The model with `classes`, of which the first are its own (names and colours may differ) and
    the others are new.

    Labels are those of the model, at the threshold of its spec, since a new class is never the most
    probable one; the network is a copy, and the new model's parent is the model. Raises
    `SettingsError` for fewer classes than the model has, and for a model without classes.
    """
    old = len(model.spec.classes)
    if head_of(model.spec.architecture).kind == "independent":
        raise SettingsError(
            f"The channels of the model {model.spec.name} are not classes, so none can be added. "
            "Choose a model that gives each voxel a class."
        )
    if len(classes) < old:
        raise SettingsError(
            f"The model has {old} classes, and {len(classes)} were asked for. "
            "Keep its own and add to them."
        )
    spec = _widened_spec(model, classes)
    if len(classes) == old:
        spec = spec.model_copy(update={"provenance": model.spec.provenance})
        return Model(spec, copy.deepcopy(model.network), model.weights_sha256)
    network = UNet(spec.architecture)
    heads = _with_new_classes(_one_per_class(model), len(classes))
    network.load_state_dict(model.network.state_dict() | heads)
    return build_model(spec, network)


def _widened_spec(model: Model, classes: Sequence[ClassSpec]) -> ModelSpec:
    head = head_for_classes(len(classes))
    architecture = model.spec.architecture.model_copy(update=head.config_fields)
    threshold = 0.5 if head.exclusive else model.spec.threshold
    changed = {"architecture": architecture, "classes": tuple(classes), "threshold": threshold}
    changed["provenance"] = Provenance(parent=model.weights_sha256)
    return ModelSpec.model_validate(dict(model.spec) | changed)


def with_level_heads(model: Model) -> Model:
    """The model with a head on every level, of which the new ones have no weight yet: its scores
    stay the same to the bit. A model that has them is returned as it is.
    """
    if model.spec.architecture.head_levels == "every":
        return model
    architecture = model.spec.architecture.model_copy(update={"head_levels": "every"})
    origin = Provenance(parent=model.weights_sha256)
    spec = model.spec.model_copy(update={"architecture": architecture, "provenance": origin})
    network = UNet(architecture)
    new = {
        name: torch.zeros_like(tensor)
        for name, tensor in network.state_dict().items()
        if name.startswith("level_heads.")
    }
    network.load_state_dict(model.network.state_dict() | new)
    return build_model(spec, network)


def _one_per_class(model: Model) -> dict[str, Tensor]:
    """The heads' tensors with a score per class: weights (K, features, …) and the bias (K).

    Of a sigmoid's score, half speaks for the foreground and half against it; softmax of the two is
    the sigmoid. The bias is shifted so that the threshold becomes a tie of the two classes.
    """
    tensors = {
        name: tensor
        for name, tensor in model.network.state_dict().items()
        if name.startswith(HEADS)
    }
    if head_of(model.spec.architecture).exclusive:
        return tensors
    threshold = model.spec.threshold
    tensors[BIAS] = tensors[BIAS] - math.log(threshold / (1 - threshold)) + TIE
    return {name: torch.cat([-tensor / 2, tensor / 2]) for name, tensor in tensors.items()}


def _with_new_classes(tensors: dict[str, Tensor], classes: int) -> dict[str, Tensor]:
    """The heads' tensors with new rows, whose scores lie a fixed distance below the mean of the old
    ones, and so below their best.
    """
    widened = {}
    for name, tensor in tensors.items():
        mean = tensor.mean(dim=0, keepdim=True) - (BEHIND if name == BIAS else 0.0)
        new = mean.expand(classes - len(tensor), *mean.shape[1:])
        widened[name] = torch.cat([tensor, new])
    return widened
