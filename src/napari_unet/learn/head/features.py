"""What the heads of a network see at chosen voxels: the features of their levels, brought up to the
grid of the image as `model/level_heads.py` does with scores.

Interpolation is linear, so weighing the features and bringing them up may change places: a linear
classifier of what is computed here has the same scores as the heads with its weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import exact_halo, round_up, total_strides
from napari_unet.model.level_heads import interpolated
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, heed

Tensor = torch.Tensor
Region = tuple[slice, ...]
CORE = {2: 512, 3: 64}  # side of the part of an image that is computed at once, without its halo
PIECE = {2: 128, 3: 24}  # side of the part whose features are brought up at once


def feature_count(config: UNetConfig) -> int:
    """How many features the heads see of a voxel."""
    every = config.head_levels == "every" and config.depth > 0
    return config.widths[0] + sum(config.widths[:-1]) if every else config.widths[0]


def features_at(network: UNet, image: np.ndarray, at: np.ndarray, control: GetControl) -> Tensor:
    """Features (n, F) of the voxels `at` (n, dimensions) of a normalised image (C, *space).

    In the order of the heads: the last level's, then, if they have heads, the first skip's and the
    other levels', the deepest first. Only the parts of the image that hold such a voxel are
    computed, each with its halo. Raises `Stopped` or `Cancelled`.
    """
    config = network.config
    found = torch.empty(len(at), feature_count(config))
    device = next(network.parameters()).device
    for core, window in _parts(config, image.shape[1:]):
        inside = _within(at, core)
        if not inside.any():
            continue
        heed(control)
        batch = torch.from_numpy(np.ascontiguousarray(image[(slice(None), *window)]))[None]
        levels = _levels(network, batch.to(device))
        numbers = np.flatnonzero(inside)
        offset = np.array([part.start for part in window])
        for piece, of_piece in _pieces(at[numbers] - offset, PIECE[config.dimensions]):
            found[torch.from_numpy(numbers[of_piece])] = _sampled(
                levels, at[numbers[of_piece]] - offset, piece
            )
    return found


def _parts(config: UNetConfig, shape: Sequence[int]) -> Iterator[tuple[Region, Region]]:
    """Cores that cover an image, each with its window, which begins on the grid of every level."""
    steps = total_strides(config)
    sides = [round_up(CORE[config.dimensions], step) for step in steps]
    starts = [range(0, length, side) for length, side in zip(shape, sides, strict=True)]
    for begin in product(*starts):
        core = tuple(slice(b, b + side) for b, side in zip(begin, sides, strict=True))
        window = tuple(
            slice(max(0, part.start - halo), min(length, part.stop + halo))
            for part, halo, length in zip(core, exact_halo(config), shape, strict=True)
        )
        yield core, window


def _within(at: np.ndarray, region: Region) -> np.ndarray:
    starts = [part.start for part in region]
    stops = [part.stop for part in region]
    return np.asarray(((at >= starts) & (at < stops)).all(axis=1))


@dataclass(frozen=True)
class _Level:
    """The features of a level of one window, and the strides on the way up to its grid."""

    features: Tensor
    strides: tuple[tuple[int, ...], ...]


def _levels(network: UNet, batch: Tensor) -> list[_Level]:
    """The features of the levels that have heads, in the order of the heads."""
    strides = network.config.level_strides
    seen: dict[int, Tensor] = {}
    parts: list[Any] = [network.encoder[0], *network.decoder]
    hooks = [
        part.register_forward_hook(lambda _, __, found, number=number: seen.update({number: found}))
        for number, part in enumerate(parts)
    ]
    try:
        with torch.inference_mode():
            network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    last = len(parts) - 1
    if network.level_heads is None:
        return [_Level(seen[last], ())]
    deeper = [_Level(seen[n], strides[last - n - 1 :: -1]) for n in range(1, last)]
    return [_Level(seen[last], ()), _Level(seen[0], ()), *deeper]


def _pieces(at: np.ndarray, side: int) -> Iterator[tuple[Region, np.ndarray]]:
    """Boxes around voxels that lie near each other, and the numbers of these voxels."""
    keys = at // side
    _, groups = np.unique(keys, axis=0, return_inverse=True)
    for group in range(int(groups.max()) + 1):
        numbers = np.flatnonzero(groups.ravel() == group)
        low = at[numbers].min(axis=0)
        high = at[numbers].max(axis=0) + 1
        yield tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)), numbers


def _sampled(levels: Sequence[_Level], at: np.ndarray, piece: Region) -> Tensor:
    """Features (n, F) of the voxels `at` of a window, which lie in the box `piece`."""
    inside = tuple(along - part.start for along, part in zip(at.T, piece, strict=True))
    sides = [part.stop - part.start for part in piece]
    flat = torch.from_numpy(np.ravel_multi_index(inside, sides))
    columns = [_brought_up(level, piece)[0].flatten(1).cpu()[:, flat] for level in levels]
    return torch.cat(columns).T


def _brought_up(level: _Level, piece: Region) -> Tensor:
    """The features of a level in a box of the window's grid, (1, C, *box)."""
    regions = [piece]
    for stride in reversed(level.strides):
        regions.append(_below(regions[-1], stride))
    regions.reverse()
    features = _cut(level.features, regions[0])
    starts = [part.start for part in regions[0]]
    for stride, region in zip(level.strides, regions[1:], strict=True):
        features = interpolated(features, stride)
        starts = [start * step for start, step in zip(starts, stride, strict=True)]
        inside = tuple(
            slice(part.start - start, part.stop - start)
            for part, start in zip(region, starts, strict=True)
        )
        features = _cut(features, inside)
        starts = [start + max(0, part.start) for start, part in zip(starts, inside, strict=True)]
    return features


def _below(region: Region, stride: Sequence[int]) -> Region:
    """What of the level below a region is interpolated from."""
    return tuple(
        slice(max(0, part.start // step - 1), -(-part.stop // step) + 1)
        for part, step in zip(region, stride, strict=True)
    )


def _cut(features: Tensor, region: Region) -> Tensor:
    """The part of (N, C, *space) in a region, as far as it has one."""
    for axis, part in enumerate(region, start=2):
        start, stop, _ = part.indices(features.shape[axis])
        features = features.narrow(axis, start, stop - start)
    return features
