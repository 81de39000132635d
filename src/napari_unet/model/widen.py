"""More classes for a model that is there: its head is widened such that its labels stay the same
until it is trained.
"""

import copy
import math
from collections.abc import Sequence

from napari_unet.errors import SettingsError
from napari_unet.model.formats.safetensors_file import build_model
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance, head_channels
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet

Tensor = torch.Tensor
# how far a new class's score is below the mean of the others: never the best, and soon learnt
BEHIND = 4.0
TIE = 1e-6  # at the threshold itself the foreground wins, as it did


def widen_head(model: Model, classes: Sequence[ClassSpec]) -> Model:
    """The model with `classes`, of which the first are its own (names and colours may differ) and
    the others are new.

    Labels are those of the model, at the threshold of its spec, since a new class is never the most
    probable one; the network is a copy, and the new model's parent is the model. Raises
    `SettingsError` for fewer classes than the model has.
    """
    old = len(model.spec.classes)
    if len(classes) < old:
        raise SettingsError(
            f"The model has {old} classes, and {len(classes)} were asked for. Keep its own and add to them."
        )
    spec = _widened_spec(model, classes)
    if len(classes) == old:
        return Model(
            spec.model_copy(update={"provenance": model.spec.provenance}),
            copy.deepcopy(model.network),
            model.weights_sha256,
        )
    network = UNet(spec.architecture)
    head = model.network.head
    weight, bias = _one_per_class(head.weight.detach(), head.bias.detach(), model.spec.threshold)
    network.load_state_dict(model.network.state_dict() | _head(weight, bias, len(classes)))
    return build_model(spec, network)


def _widened_spec(model: Model, classes: Sequence[ClassSpec]) -> ModelSpec:
    architecture = model.spec.architecture.model_copy(
        update={"out_channels": head_channels(len(classes))}
    )
    threshold = model.spec.threshold if len(classes) == 2 else 0.5
    changed = {"architecture": architecture, "classes": tuple(classes), "threshold": threshold}
    changed["provenance"] = Provenance(parent=model.weights_sha256)
    return ModelSpec.model_validate(dict(model.spec) | changed)


def _one_per_class(weight: Tensor, bias: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """A head (K, features, …) with a score per class: a sigmoid's score becomes half a score for
    and half against.
    """
    if len(weight) > 1:
        return weight, bias
    over = bias - math.log(threshold / (1 - threshold)) + TIE
    return torch.cat([-weight / 2, weight / 2]), torch.cat([-over / 2, over / 2])


def _head(weight: Tensor, bias: Tensor, classes: int) -> dict[str, Tensor]:
    """The head's tensors with new rows, each a fixed distance below the mean of the old ones, and
    so below their best.
    """
    new = classes - len(weight)
    mean = weight.mean(dim=0, keepdim=True)
    weights = torch.cat([weight, mean.expand(new, *mean.shape[1:])])
    return {
        "head.weight": weights,
        "head.bias": torch.cat([bias, (bias.mean() - BEHIND).expand(new)]),
    }
