"""Where the voxels of a patch come from: mirrored, turned, scaled, sheared and bent, in physical
proportions.

A displacement is a cubic B-spline over a coarse grid of random points, after Ronneberger et al.
2015; since a B-spline is separable, it is one product with a small matrix per axis.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
MOST_TILT_DEG = 15.0  # of a volume out of its plane, and of scans that lie the same way
AXIS_SPREAD = 0.05  # by which the scaling of the axes differs
SLACK = 1.1  # the largest displacement is searched at every fourth voxel only, and may lie between


@dataclass(frozen=True)
class Warp:
    """How one patch is cut: offsets in the patch to offsets in the frame, in voxels, and a
    displacement on top.
    """

    matrix: np.ndarray  # (dimensions, dimensions)
    points: np.ndarray  # (dimensions, *coarse grid) float32


class Warper:
    """Draws warps for patches of one shape, and computes where their voxels come from."""

    def __init__(
        self,
        patch: Sequence[int],
        sizes: Sequence[float],
        augment: AugmentSettings,
        oriented: Sequence[bool] | None = None,
    ) -> None:
        """`sizes` of a voxel, per axis; only their proportions matter. No patch is mirrored or
        turned round along `oriented` axes.
        """
        finest = min(sizes)
        self.patch = tuple(patch)
        self._augment = augment
        self._oriented = np.array(oriented if oriented is not None else (False,) * len(patch), bool)
        self._bases = [
            _spline(length, max(4.0, augment.elastic_grid_px * finest / size))
            for length, size in zip(patch, sizes, strict=True)
        ]

    def draw(self, rng: np.random.Generator, sizes: Sequence[float]) -> Warp:
        """A warp for a frame of voxels of these sizes; some patches are only mirrored and turned by
        quarters.
        """
        warped = rng.random() < self._augment.warped_share
        scale = np.array(sizes, float) / min(sizes)  # of a voxel: matrices are in physical lengths
        points = np.zeros((len(scale), *(basis.shape[1] for basis in self._bases)), np.float32)
        if warped and self._augment.elastic_px:
            spread = self._augment.elastic_px * rng.random()
            points = rng.standard_normal(points.shape, np.float32) * np.float32(spread)
            points /= scale.astype(np.float32).reshape(-1, *(1,) * len(scale))
        turn = self._warped(rng, len(scale)) if warped else self._quarter_turn(rng, scale)
        mirrored = np.zeros(len(scale), bool)
        if self._augment.flips:
            mirrored = (rng.random(len(scale)) < 0.5) & ~self._oriented
        mirror = np.where(mirrored, -1.0, 1.0)
        return Warp(turn * (scale / scale[:, None]) * mirror, points)

    def reach(self, warp: Warp) -> np.ndarray:
        """How far from its centre a patch reaches into the frame, per axis, in voxels."""
        straight = np.abs(warp.matrix) @ ((np.array(self.patch) - 1) / 2)
        if not warp.points.any():
            return np.asarray(straight)
        thinned = [_thinned(basis) for basis in self._bases]
        displacement = _bend(torch.from_numpy(warp.points)[None], thinned)
        return np.asarray(straight + SLACK * displacement.abs().flatten(2).amax(2)[0].numpy())

    def offsets(self, warps: Sequence[Warp], device: str) -> Tensor:
        """(N, dimensions, *patch): from the patch's centre to where each voxel comes from."""
        matrices = np.stack([warp.matrix for warp in warps]).astype(np.float32)
        matrix = torch.from_numpy(matrices).to(device)  # (N, dimensions, dimensions)
        total = torch.zeros(1, device=device)
        for axis, length in enumerate(self.patch):
            steps = torch.arange(length, dtype=torch.float32, device=device) - (length - 1) / 2
            line = [1] * len(self.patch)  # so that the axes' terms broadcast to (N, d, *patch)
            line[axis] = length
            total = total + (matrix[:, :, axis, None] * steps).reshape(*matrix.shape[:2], *line)
        if any(warp.points.any() for warp in warps):
            points = torch.from_numpy(np.stack([warp.points for warp in warps])).to(device)
            total += _bend(points, [basis.to(device) for basis in self._bases])
        return total

    def _warped(self, rng: np.random.Generator, dimensions: int) -> np.ndarray:
        augment = self._augment
        turn = np.eye(dimensions)
        for first in range(dimensions - 1):  # in the plane last; a volume is tilted a little before
            for second in range(first + 1, dimensions):
                free = first == dimensions - 2 and not self._oriented[[first, second]].any()
                most = augment.rotation_deg if free else min(augment.rotation_deg, MOST_TILT_DEG)
                turn = _rotation(dimensions, first, second, rng.uniform(-most, most)) @ turn
        slopes = rng.uniform(-augment.shear, augment.shear, (dimensions, dimensions))
        shear = np.eye(dimensions) + slopes * (1 - np.eye(dimensions))
        overall = rng.uniform(-1, 1) * math.log(augment.scale)  # in logs: as often half as double
        growth = overall + rng.normal(0, AXIS_SPREAD * (augment.scale > 1), dimensions)
        return np.asarray(turn @ shear * np.exp(growth))

    def _quarter_turn(self, rng: np.random.Generator, scale: np.ndarray) -> np.ndarray:
        """A turn by quarters, where the pixels of a plane are square and such a turn is allowed."""
        square = len(scale) > 1 and math.isclose(scale[-1], scale[-2], rel_tol=1e-3)
        free = square and not self._oriented[-2:].any()
        most = int(self._augment.rotation_deg // 90) if free else 0
        quarters = int(rng.integers(-most, most + 1 if most < 2 else most))  # -2 and 2 are one
        return _rotation(len(scale), len(scale) - 2, len(scale) - 1, 90.0 * quarters).round()


def _rotation(dimensions: int, first: int, second: int, degrees: float) -> np.ndarray:
    cos = math.cos(math.radians(degrees))
    sin = math.sin(math.radians(degrees))
    matrix = np.eye(dimensions)
    matrix[np.ix_([first, second], [first, second])] = [[cos, -sin], [sin, cos]]
    return matrix


def _spline(length: int, step: float) -> Tensor:
    """(length, points): cubic B-splines `step` voxels apart, scaled so that random points keep
    their spread.
    """
    points = math.ceil((length - 1) / step) + 3  # one before the first voxel, one after the last
    away = np.abs(np.arange(length)[:, None] / step - (np.arange(points) - 1))
    inner = 2 / 3 - away**2 + away**3 / 2
    outer = (2 - away).clip(0) ** 3 / 6
    basis = np.where(away < 1, inner, outer)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    return torch.from_numpy(basis.astype(np.float32))


def _thinned(basis: Tensor) -> Tensor:
    """About every fourth row, the first and the last among them."""
    return basis[np.linspace(0, len(basis) - 1, 2 + len(basis) // 4).round().astype(int)]


def _bend(points: Tensor, bases: Sequence[Tensor]) -> Tensor:
    """(N, dimensions, *coarse) to (N, dimensions, *patch)."""
    for axis, basis in enumerate(bases, start=2):  # the last axis last: only that product is large
        points = along(points, basis, axis)
    return points


def along(values: Tensor, basis: Tensor, axis: int) -> Tensor:
    """Replace an axis of `values` by its product with a (new length, length) matrix, without moving
    axes.
    """
    before = values.shape[:axis]
    after = values.shape[axis + 1 :]
    if not after:
        return values @ basis.T
    product = basis @ values.reshape(-1, values.shape[axis], after.numel())
    return product.reshape(*before, len(basis), *after)
