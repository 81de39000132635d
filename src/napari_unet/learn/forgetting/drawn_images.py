"""Drawn images on which the guard holds a child to its parent: the images that the parent was
trained on are not there any more.

They show round objects of many sizes, bright or dark, with and without a rim, on uneven noisy
ground, at the voxels of the model. Nobody says what is right in them: the child is held to what its
parent predicts (pseudo-rehearsal, Robins 1995; that few images, strongly varied, hand on most of
what a network knows: Asano & Saeed, ICLR 2023). Of those drawn, the ones are used on which the
parent's prediction says most: on images that are like nothing it knows, it is not worth keeping.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

from napari_unet.learn.data.corrections import LEARNT_DTYPE
from napari_unet.learn.data.example import TARGET_VOXELS, Example, Extent
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.model.geometry import round_up, total_strides
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan

SIDES = {2: 192, 3: 64}
DRAWN = {2: 3, 3: 2}  # for each that is used
DIAMETERS_PX = {2: (8.0, 90.0), 3: (8.0, 40.0)}
DARK_SHARE = 0.3  # of the images: objects darker than the ground
RIM_SHARE = 0.3  # of the images: objects with a rim


def drawn_images(spec: ModelSpec, count: int, seed: int) -> list[Example]:
    """Images as a model of `spec` sees them, in which nothing is trusted: more than `count`, to
    choose from.

    No more than the parent will be run on: in 3D these are few, and there is no choice.
    """
    dimensions = spec.architecture.dimensions
    affordable = TARGET_VOXELS[dimensions] // prod(_shape(spec))
    drawn = min(DRAWN[dimensions] * count, affordable)
    return [_example(spec, np.random.default_rng([seed, number])) for number in range(drawn)]


def most_informative(examples: Sequence[Example], count: int) -> list[Example]:
    """Those of the examples on which the parent's targets say most: certain of each voxel, and not
    all the same.
    """
    return sorted(examples, key=_information, reverse=True)[:count]


def _information(example: Example) -> float:
    """The mutual information of voxel and class: the entropy of the mean of the parent's
    probabilities minus the mean of their entropies.
    """
    if example.parent_targets is None:
        return 0.0
    shares = example.parent_targets.astype(np.float32)
    if len(shares) == 1:  # one channel holds the foreground's probability alone
        shares = np.concatenate([1 - shares, shares])
    return _entropy(shares.reshape(len(shares), -1).mean(axis=1)) - _entropy(shares)


def _entropy(shares: np.ndarray) -> float:
    """Of shares along the first axis, mean over the others."""
    return float(-(shares * np.log(np.clip(shares, 1e-6, 1))).sum(axis=0).mean())


def _example(spec: ModelSpec, rng: np.random.Generator) -> Example:
    shape = _shape(spec)
    image = np.stack([draw(shape, rng) for _ in spec.channels])
    scan = Scan(image, "c" + spec.axes, (1.0,) * len(shape), "pixel")
    untrusted = np.zeros(shape, LEARNT_DTYPE)
    (found,) = examples_of(scan, untrusted, spec, untrusted, extent=Extent(other_frames=1))
    # without a spacing, so that the proportions of the user's own voxels alone decide the patches
    return Example(found.image, found.labels)


def _shape(spec: ModelSpec) -> tuple[int, ...]:
    side = SIDES[spec.architecture.dimensions]
    return tuple(round_up(side, step) for step in total_strides(spec.architecture))


def draw(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """One channel of an image, float32, in no unit."""
    px = _usual_diameter(len(shape), rng)
    count = max(3, round(rng.uniform(0.1, 0.9) * prod(shape) / px ** len(shape)))
    depth, nearest = _objects(shape, px, count, rng)
    inside = 1 / (1 + np.exp(-np.clip(depth / rng.uniform(0.4, 2.0), -20, 20)))  # a soft edge
    brightness = rng.uniform(0.25, 1, count)[nearest]
    light = brightness * (1 + rng.uniform(0, 0.5) * _clouds(shape, max(2.0, px / 8), rng))
    if rng.random() < RIM_SHARE:
        light = light * rng.uniform(0, 1)
        rim = max(1.5, px * rng.uniform(0.03, 0.12))
        light = light + np.exp(-((depth / rim) ** 2))
    image = inside * light * (-1 if rng.random() < DARK_SHARE else 1)
    image = image + rng.uniform(0, 0.3) * _clouds(shape, max(shape) / 4, rng)
    image = image + rng.uniform(0, 0.15) * _clouds(shape, px / 2, rng)
    image = gaussian_filter(image, rng.uniform(0, 1.5))
    image = image + rng.uniform(0.01, 0.12) * rng.standard_normal(shape)
    return np.asarray(image, np.float32)


def _usual_diameter(dimensions: int, rng: np.random.Generator) -> float:
    """In pixels; in 2D small and large ones alike, in 3D the frame holds no large ones."""
    low, high = DIAMETERS_PX[dimensions]
    if dimensions == 2:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


def _objects(
    shape: tuple[int, ...], px: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each voxel how deep it lies in the nearest of `count` bent spheres (below 0: outside),
    and which one that is.
    """
    centres = rng.uniform(0, 1, (count, len(shape))) * shape
    radii = px / 2 * rng.uniform(0.5, 1.3, count)
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    grid = np.stack(axes, axis=-1).astype(np.float32)
    bend = np.stack([_clouds(shape, px / 2, rng) for _ in shape], axis=-1) * px
    bend = bend * rng.uniform(0, 0.15)
    # with one worker: more would compete with the training's threads
    distance, nearest = cKDTree(centres).query(grid + bend, workers=1)
    return radii[nearest] - distance, nearest


def _clouds(shape: tuple[int, ...], px: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit spread, with grains of about so many voxels."""
    steps = max(1.0, px / 2)
    small = tuple(max(2, int(np.ceil(n / steps)) + 1) for n in shape)
    factors = [n / s for n, s in zip(shape, small, strict=True)]
    grown = zoom(rng.standard_normal(small), factors, order=1, grid_mode=False)
    return np.asarray(grown)
