"""Fit the heads of a network to trusted voxels; no other weight changes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_unet.learn.data.example import Example
from napari_unet.learn.head.features import features_at
from napari_unet.learn.head.regression import Linear, Samples, scale_of, solved
from napari_unet.learn.head.ridge import chosen_ridge
from napari_unet.learn.head.voxels import BLOCK, Voxels, chosen_voxels
from napari_unet.model.head import Head, head_of
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, always_continue

Tensor = torch.Tensor
MOST_VOXELS = (
    10_000  # with 50,000 no score was better by more than 0.005, and it took twice as long
)
FOLDS = 3
CELL = 4  # blocks along each axis that are left out together


@dataclass(frozen=True)
class FittedHead:
    """A copy of the network with fitted heads, and the ridge with which they were fitted."""

    network: UNet
    ridge: float


def fitted_head(
    network: UNet,
    examples: Sequence[Example],
    *,
    ridge: float | None = None,
    control: GetControl = always_continue,
) -> FittedHead:
    """Fit the heads of a network to the trusted voxels of examples.

    The loss is the cross-entropy of the head's kind plus a ridge that pulls towards the heads that
    are there. Without a `ridge`, the one is taken that does best on parts of the examples that were
    left out. Statistics of normalisation are kept. The same examples give the same bits on the same
    machine. Raises `Stopped` or `Cancelled`.
    """
    network = copy.deepcopy(network).eval()
    head = head_of(network.config)
    voxels = chosen_voxels(examples, MOST_VOXELS)
    samples = _samples(network, examples, voxels, control)
    scale = scale_of(samples)
    scaled = Samples(scale.applied(samples.features), samples.targets, samples.weights)
    begin = scale.of_scaled(_linear_of(network))
    if ridge is None:
        ridge = chosen_ridge(scaled, _folds(voxels), head, begin, control)
    _set_linear(network, scale.of_plain(solved(scaled, head, ridge, begin, control)))
    return FittedHead(network, ridge)


def _samples(
    network: UNet, examples: Sequence[Example], voxels: Sequence[Voxels], control: GetControl
) -> Samples:
    features = [
        features_at(network, example.image, part.at, control)
        for example, part in zip(examples, voxels, strict=True)
    ]
    labels = torch.from_numpy(np.concatenate([part.labels for part in voxels]))
    weights = torch.from_numpy(np.concatenate([part.weights for part in voxels]))
    return Samples(torch.cat(features), _targets(labels, head_of(network.config)), weights)


def _targets(labels: Tensor, head: Head) -> Tensor:
    """What each channel's probability should be, (n, K), of labels (n)."""
    channels = torch.arange(head.channels) + head.first_label
    return (labels[:, None] == channels).float()


def _folds(voxels: Sequence[Voxels]) -> Tensor:
    """Which fold each voxel belongs to: what lies near each other is left out together."""
    cells = [
        (part.at // (CELL * BLOCK[part.at.shape[1]])).sum(axis=1) + number
        for number, part in enumerate(voxels)
    ]
    return torch.from_numpy(np.concatenate(cells) % FOLDS)


def _linear_of(network: UNet) -> Linear:
    """The heads as one classifier of what `features_at` gives."""
    weights = [head.weight.detach().flatten(1) for head in _heads(network)]
    bias: Any = network.head.bias
    return Linear(torch.cat(weights, dim=1).cpu(), bias.detach().cpu())


def _set_linear(network: UNet, linear: Linear) -> None:
    heads = _heads(network)
    parts = torch.split(linear.weight, [head.weight.shape[1] for head in heads], dim=1)
    bias: Any = network.head.bias
    with torch.no_grad():
        for head, part in zip(heads, parts, strict=True):
            head.weight.copy_(part.reshape(head.weight.shape))
        bias.copy_(linear.bias)


def _heads(network: UNet) -> list[Any]:
    """In the order in which `features_at` gives their features."""
    others: Any = network.level_heads
    return [network.head] if others is None else [network.head, others.skip, *others.decoder]
