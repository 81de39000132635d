"""Add classes to a model: its head gets more channels, so weighted that labels stay the same until
it is trained.
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
    weight, bias = _one_per_class(model)
    network.load_state_dict(model.network.state_dict() | _head(weight, bias, len(classes)))
    return build_model(spec, network)


def _widened_spec(model: Model, classes: Sequence[ClassSpec]) -> ModelSpec:
    head = head_for_classes(len(classes))
    architecture = model.spec.architecture.model_copy(update=head.config_fields)
    threshold = 0.5 if head.exclusive else model.spec.threshold
    changed = {"architecture": architecture, "classes": tuple(classes), "threshold": threshold}
    changed["provenance"] = Provenance(parent=model.weights_sha256)
    return ModelSpec.model_validate(dict(model.spec) | changed)


def _one_per_class(model: Model) -> tuple[Tensor, Tensor]:
    """The model's head with a score per class: weights (K, features, …) and biases (K).

    Of a sigmoid's score, half speaks for the foreground and half against it; softmax of the two is
    the sigmoid. The bias is shifted so that the threshold becomes a tie of the two classes.
    """
    layer = model.network.head
    weight = layer.weight.detach()
    bias = layer.bias.detach()
    if head_of(model.spec.architecture).exclusive:
        return weight, bias
    threshold = model.spec.threshold
    over = bias - math.log(threshold / (1 - threshold)) + TIE
    return torch.cat([-weight / 2, weight / 2]), torch.cat([-over / 2, over / 2])


def _head(weight: Tensor, bias: Tensor, classes: int) -> dict[str, Tensor]:
    """The head's tensors with new rows, each a fixed distance below the mean of the old ones, and
    so below their best.
    """
    new = classes - len(weight)
    mean = weight.mean(dim=0, keepdim=True)
    weights = torch.cat([weight, mean.expand(new, *mean.shape[1:])])
    biases = torch.cat([bias, (bias.mean() - BEHIND).expand(new)])
    return {"head.weight": weights, "head.bias": biases}
