"""Drawn pictures on which the guard asks the parent what it knows: what a model was trained on is
not there any more.

Round things of many sizes, bright or dark, with and without a rim, on uneven noisy ground, at the
voxels of the model. Nobody says what is right in them: the child is held to what its parent says
(pseudo-rehearsal, Robins 1995; that few pictures, strongly varied, hand on most of what a network
knows: Asano & Saeed, ICLR 2023). Of those drawn, the ones are kept of which the parent has most to
say: on pictures that are like nothing it knows, its word is not worth keeping.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

from napari_unet.learn.data.example import Example, Extent, examples_of
from napari_unet.learn.forgetting.parent_targets import PRIOR_VOXELS
from napari_unet.model.geometry import round_up, total_strides
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan

SIDES = {2: 192, 3: 64}
DRAWN = {2: 3, 3: 2}  # for each that is kept
DIAMETERS_PX = (8.0, 90.0)
DARK_SHARE = 0.3  # of the pictures: things darker than the ground
RIM_SHARE = 0.3  # with a rim
COARSE_PX = 8  # clouds are drawn so many times smaller


def pictures(spec: ModelSpec, count: int, seed: int) -> list[Example]:
    """Pictures as a model of `spec` sees them, in which nothing is trusted: more than `count`, to
    choose from.

    No more than the parent will be asked of: in 3D these are few, and there is no choice.
    """
    dimensions = spec.architecture.dimensions
    drawn = min(DRAWN[dimensions] * count, PRIOR_VOXELS[dimensions] // prod(_shape(spec)))
    return [_example(spec, np.random.default_rng([seed, number])) for number in range(drawn)]


def telling(examples: Sequence[Example], count: int) -> list[Example]:
    """Those of the examples, with priors, of which the parent has most to say: certain of each
    voxel, and not all the same.
    """
    return sorted(examples, key=_information, reverse=True)[:count]


def _information(example: Example) -> float:
    """Entropy of the mean of the parent's probabilities minus the mean of their entropies."""
    if example.prior is None:
        return 0.0
    said = example.prior.astype(np.float32)
    shares = np.concatenate([1 - said, said]) if len(said) == 1 else said
    return _entropy(shares.reshape(len(shares), -1).mean(axis=1)) - _entropy(shares)


def _entropy(shares: np.ndarray) -> float:
    """Of shares along the first axis, mean over the others."""
    return float(-(shares * np.log(np.clip(shares, 1e-6, 1))).sum(axis=0).mean())


def _example(spec: ModelSpec, rng: np.random.Generator) -> Example:
    shape = _shape(spec)
    image = np.stack([draw(shape, rng) for _ in spec.channels])
    scan = Scan(image, "c" + spec.axes, (1.0,) * len(shape), "pixel")
    nothing = np.zeros(shape, np.uint8)
    found = examples_of(scan, nothing, spec, nothing, extent=Extent(others=1))[0]
    return Example(found.image, found.labels)


def _shape(spec: ModelSpec) -> tuple[int, ...]:
    return tuple(
        round_up(SIDES[spec.architecture.dimensions], step)
        for step in total_strides(spec.architecture)
    )


def draw(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """One channel of a picture, float32, in no unit."""
    px = (
        float(np.exp(rng.uniform(*np.log(DIAMETERS_PX))))
        if len(shape) == 2
        else float(rng.uniform(8, 40))
    )
    count = max(3, round(rng.uniform(0.1, 0.9) * prod(shape) / px ** len(shape)))
    seeds = rng.uniform(0, 1, (count, len(shape))) * shape
    radii = px / 2 * rng.uniform(0.5, 1.3, count)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).astype(
        np.float32
    )
    bend = (
        np.stack([_clouds(shape, px / 2, rng) for _ in shape], axis=-1) * px * rng.uniform(0, 0.15)
    )
    apart, nearest = cKDTree(seeds).query(grid + bend, workers=1)
    depth = radii[nearest] - apart  # within a thing: how deep
    inside = 1 / (1 + np.exp(-np.clip(depth / rng.uniform(0.4, 2.0), -20, 20)))
    light = rng.uniform(0.25, 1, count)[nearest] * (
        1 + rng.uniform(0, 0.5) * _clouds(shape, max(2.0, px / 8), rng)
    )
    if rng.random() < RIM_SHARE:
        light = light * rng.uniform(0, 1) + np.exp(
            -((depth / max(1.5, px * rng.uniform(0.03, 0.12))) ** 2)
        )
    picture = inside * light * (-1 if rng.random() < DARK_SHARE else 1)
    picture = (
        picture
        + rng.uniform(0, 0.3) * _clouds(shape, max(shape) / 4, rng)
        + rng.uniform(0, 0.15) * _clouds(shape, px / 2, rng)
    )
    picture = gaussian_filter(picture, rng.uniform(0, 1.5)) + rng.uniform(
        0.01, 0.12
    ) * rng.standard_normal(shape)
    return np.asarray(picture, np.float32)


def _clouds(shape: tuple[int, ...], px: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit spread, with grains of about so many voxels."""
    steps = max(1.0, px / 2)
    small = tuple(max(2, int(np.ceil(n / steps)) + 1) for n in shape)
    grown = zoom(
        rng.standard_normal(small),
        [n / s for n, s in zip(shape, small, strict=True)],
        order=1,
        grid_mode=False,
    )
    return np.asarray(grown)
