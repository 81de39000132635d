"""Networks and scans small enough for every test, and right enough to prove something.

A fresh random network gives one class everywhere, and so passes any test of tiles. `tiny_model`
sets the normalisation statistics and centres the head, so that every class holds a fair share of
the voxels.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_unet.model.config import UNetConfig
from napari_unet.model.head import head_for_classes
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, TrainedSpacing
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model

COLOURS = ("#000000", "#ff9f1c", "#3a86ff", "#ffbe0b")


def tiny_spec(
    dimensions: int = 2,
    *,
    channels: int = 1,
    classes: int = 2,
    spacing: Sequence[float] | None = None,
    **net: object,
) -> ModelSpec:
    config = UNetConfig.model_validate(
        {
            "dimensions": dimensions,
            "in_channels": channels,
            **head_for_classes(classes).config_fields,
            "width": 4,
            "depth": 2,
            **net,
        }
    )
    return ModelSpec(
        name="tiny",
        architecture=config,
        channels=tuple(f"channel {n}" for n in range(channels)),
        classes=tuple(ClassSpec(name=f"class {n}", colour=COLOURS[n]) for n in range(classes)),
        spacing=None if spacing is None else TrainedSpacing(size=tuple(spacing)),
    )


def tiny_model(spec: ModelSpec, seed: int = 0) -> Model:
    return _tiny_model(spec.model_dump_json(), seed)


@cache
def _tiny_model(spec_json: str, seed: int) -> Model:
    spec = ModelSpec.model_validate_json(spec_json)
    torch.manual_seed(seed)
    network = UNet(spec.architecture)
    side = 20 if spec.architecture.dimensions == 3 else 64
    shape = (side,) * spec.architecture.dimensions
    images = torch.from_numpy(
        np.stack([smooth((spec.architecture.in_channels, *shape), seed + n) for n in range(3)])
    )
    with torch.no_grad():
        for _ in range(10):
            network.train()(images)
        _centre_head(network.eval(), images)
    return build_model(spec, network)


def smooth(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    """Clouds between 0 and 1 over the last axes; the first axis counts channels."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    clouds = gaussian_filter(noise, (0, *(1.5,) * (len(shape) - 1)), mode="wrap")
    clouds -= clouds.min()
    return (clouds / max(clouds.max(), 1e-9)).astype(np.float32)


def smooth_image(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    return smooth((1, *shape), seed)[0]


def _centre_head(network: UNet, images: torch.Tensor) -> None:
    """Scale and shift the scores until every class takes an equal share."""
    channels = tuple(n for n in range(images.ndim) if n != 1)
    scores = network(images)
    spread = scores.std(dim=channels)
    mean = scores.mean(dim=channels)
    network.head.weight /= spread.view(-1, *(1,) * (images.ndim - 1))
    network.head.bias.copy_((network.head.bias - mean) / spread)
    scores = (
        (scores - mean.view(1, -1, *(1,) * (images.ndim - 2)))
        / spread.view(1, -1, *(1,) * (images.ndim - 2))
    ).movedim(1, -1)
    count = scores.shape[-1]
    shift = torch.zeros(count)
    for _ in range(40):
        best = (
            (scores + shift).argmax(dim=-1)
            if count > 1
            else (scores[..., 0] + shift > 0).long() - 1
        )
        shift -= torch.stack([(best == label).float().mean() for label in range(count)]) - 1 / max(
            count, 2
        )
    network.head.bias += shift
