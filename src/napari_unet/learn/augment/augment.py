"""Intensities varied at random, in batches, on the device of the training."""

import math
from collections.abc import Sequence

import numpy as np

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.augment.warp import along
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
CHANGED_SHARE = 0.5  # of the patches, by each kind of change
LEAST_BLUR_PX = 0.3  # a Gaussian narrower than this leaves a voxel as it is


def vary_intensities(
    images: Tensor, augment: AugmentSettings, rng: np.random.Generator, sizes: Sequence[float] = ()
) -> Tensor:
    """Change blur, gamma, contrast, brightness and noise of (N, C, *patch) images in place; each
    patch on its own.

    Channels vary apart from each other, but are blurred alike. `sizes` of a voxel per axis make the
    blur as wide in every direction. Chance is drawn on the processor, so that it is the same on
    every device, noise aside.
    """
    count, channels = images.shape[:2]
    _blur(images, augment.blur_px * _spread(rng, count), sizes)
    _gamma(images, augment.gamma ** _spread(rng, count, channels))
    contrast = np.exp(math.log(augment.contrast) * _spread(rng, count, channels))
    brightness = augment.brightness * _spread(rng, count, channels)
    images.mul_(_per_channel(contrast, images)).add_(_per_channel(brightness, images))
    _add_noise(images, augment.noise * _spread(rng, count), rng)
    return images


def _spread(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """One number each: uniform in -1 … 1 for some of them, 0 for the rest."""
    return rng.uniform(-1, 1, shape) * (rng.random(shape) < CHANGED_SHARE)


def _per_channel(values: np.ndarray, images: Tensor) -> Tensor:
    """Values (N, C) in a shape that broadcasts over images (N, C, *patch)."""
    on_device = torch.from_numpy(values.astype(np.float32)).to(images.device)
    return on_device.reshape(*values.shape, *(1,) * (images.ndim - 2))


def _gamma(images: Tensor, exponents: np.ndarray) -> None:
    """Raise intensities to a power within 0 … 1; what lies beyond is shifted with the end."""
    for n, channel in zip(*np.nonzero(exponents != 1), strict=True):
        inside = images[n, channel].clamp(0, 1)
        images[n, channel] += inside ** float(exponents[n, channel]) - inside


def _add_noise(images: Tensor, strengths: np.ndarray, rng: np.random.Generator) -> None:
    generator = torch.Generator(images.device).manual_seed(int(rng.integers(2**62)))
    for n in np.flatnonzero(strengths > 0):
        noise = torch.randn(images[n].shape, generator=generator, device=images.device)
        images[n].add_(noise, alpha=float(strengths[n]))


def _blur(images: Tensor, sigmas: np.ndarray, sizes: Sequence[float]) -> None:
    """Blur each patch by a Gaussian of its own, as one banded matrix per axis."""
    sizes = sizes or (1.0,) * (images.ndim - 2)
    for n in np.flatnonzero(sigmas > LEAST_BLUR_PX):
        patch = images[n]
        for axis, size in enumerate(sizes, start=1):
            sigma = float(sigmas[n]) * min(sizes) / size
            if sigma > LEAST_BLUR_PX:
                patch = along(patch, _band(patch.shape[axis], sigma, images.device), axis)
        images[n] = patch


def _band(length: int, sigma: float, device: torch.device) -> Tensor:
    """(length, length): each row a Gaussian around its voxel, cut off at the patch's ends."""
    index = torch.arange(length, dtype=torch.float32, device=device)
    band = torch.exp(-0.5 * ((index[:, None] - index) / sigma) ** 2)
    return band / band.sum(dim=1, keepdim=True)
