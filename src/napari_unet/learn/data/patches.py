"""Batches of patches, cut from examples, warped and varied: only what a patch needs is copied, then
all patches of a batch are sampled together.

Where the voxels of a volume are much deeper than wide, its slices are warped alike and none is made
from others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.learn.augment.augment import vary_intensities
from napari_unet.learn.augment.warp import Warp, Warper
from napari_unet.learn.data.centres import Centres
from napari_unet.learn.data.example import Example
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.model.geometry import round_up
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
FLAT = 3.0  # depth of a voxel, in widths, from which on slices are not mixed (as in nnU-Net)
LEAST_PX = 16  # of a patch, where frames are smaller


class PatchBatch(NamedTuple):
    """What a step learns from; `parent_targets` (NaN: unknown) and `weight` where any example has
    them.
    """

    images: Tensor  # (N, C, *patch) float32
    labels: Tensor  # (N, *patch) int64, IGNORE where nothing is learnt from
    parent_targets: Tensor | None = None  # (N, K or 1, *patch) float32
    weight: Tensor | None = None  # (N, *patch) float32
    target_weight: Tensor | None = None  # (N,) float32, how much the parent's targets count

    def to(self, device: str) -> "PatchBatch":
        """The same on a device."""
        moved = (None if part is None else part.to(device) for part in self)
        return PatchBatch(*moved)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Cut:
    """One patch to be: of which example, around which voxel, how warped; and its slices, where they
    are not mixed.
    """

    example: Example
    centre: np.ndarray  # of the warped axes
    warp: Warp
    slices: np.ndarray | None


class PatchSampler:
    """Draws batches of patches on a device; the same seed and number of the batch give the same
    patches.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        settings: TrainSettings,
        device: str = "cpu",
        multiple: Sequence[int] | None = None,
    ) -> None:
        """`multiple`: what the length of a patch has to be a multiple of, per axis. Raises
        `SettingsError` if nothing is trusted.
        """
        self.patch = patch_shape(examples, settings, multiple)
        self._examples = examples
        self._settings = settings
        self._target_device = device
        # torch can not sample volumes on MPS; there patches are made on the processor and moved
        self._device = "cpu" if device.startswith("mps") else device
        self._centres = Centres(examples, settings, self.patch)
        self._sizes = _common_sizes(examples)
        self._flat = len(self.patch) == 3 and self._sizes[0] >= FLAT * max(self._sizes[1:])
        self._warped = slice(1, None) if self._flat else slice(None)
        self._oriented = settings.oriented or (False,) * len(self.patch)
        self._warper = Warper(
            self.patch[self._warped],
            self._sizes[self._warped],
            settings.augment,
            self._oriented[self._warped],
        )
        self._target_channels = max(
            (len(e.parent_targets) for e in examples if e.parent_targets is not None), default=0
        )
        self._weighted = any(example.weight is not None for example in examples)
        self._drawn = 0

    def state(self) -> dict[str, int]:
        """Where the sampler stands, as plain numbers."""
        return {"batches": self._drawn}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Resume from a `state`."""
        self._drawn = int(state["batches"])

    def batch(self, size: int) -> PatchBatch:
        """Draw the next `size` patches, varied in place and in intensity, on the device."""
        # a generator for each batch, so that a resumed training draws the same without its history
        rng = np.random.default_rng([self._settings.seed, self._drawn])
        self._drawn += 1
        cuts = [self._cut(rng) for _ in range(size)]
        values, labels, coordinates = self._windows(cuts)
        values = _sample_linear(values, coordinates).reshape(size, -1, *self.patch)
        labels = _sample_nearest(labels, coordinates).reshape(size, *self.patch)
        batch = self._split(values, labels.long())
        if batch.parent_targets is not None:
            weights = torch.tensor([cut.example.target_weight for cut in cuts])
            batch = batch._replace(target_weight=weights)
        vary_intensities(batch.images, self._settings.augment, rng, self._sizes)
        return batch.to(self._target_device)

    def _cut(self, rng: np.random.Generator) -> _Cut:
        index, centre = self._centres.draw(rng)
        example = self._examples[index]
        warp = self._warper.draw(rng, (example.spacing or self._sizes)[self._warped])
        slices = self._slices(centre[0], len(example.labels), rng) if self._flat else None
        return _Cut(example, self._on_grid(centre[self._warped], warp), warp, slices)

    def _slices(self, centre: float, length: int, rng: np.random.Generator) -> np.ndarray:
        """Which slices of a flat volume make the patch, in turned order for half of the patches."""
        count = self.patch[0]
        slices = round(centre - (count - 1) / 2) + np.arange(count)
        turned = self._settings.augment.flips and not self._oriented[0] and rng.random() < 0.5
        return mirrored(slices[::-1] if turned else slices, length)

    def _on_grid(self, centre: np.ndarray, warp: Warp) -> np.ndarray:
        """Where no warp asks for interpolation, the centre is such that none is done."""
        if warp.points.any() or not np.isin(np.abs(warp.matrix), (0, 1)).all():
            return centre
        # sides of the patch along the frame's axes: an odd one is centred on a voxel, an even one
        # between two
        odd = np.abs(warp.matrix) @ (np.array(self._warper.patch) % 2)
        return np.asarray(np.where(odd, np.round(centre), np.floor(centre) + 0.5))

    def _windows(self, cuts: Sequence[_Cut]) -> tuple[Tensor, Tensor, Tensor]:
        """What the patches are made from, cut to one size: values (N, channels, *window) and labels
        (N, 1 or slices, *window), and coordinates in them.
        """
        reach = np.stack([self._warper.reach(cut.warp) for cut in cuts])
        centres = np.stack([cut.centre for cut in cuts])
        low = np.floor(centres - reach).astype(np.intp)
        high = np.ceil(centres + reach).astype(np.intp) + 1
        size = np.maximum(2, (high - low).max(axis=0))  # sampling divides by the length minus one
        values = []
        labels = []
        for cut, first in zip(cuts, low, strict=True):
            shape = cut.example.labels.shape[self._warped]
            indices = [
                mirrored(start + np.arange(n), length)
                for start, n, length in zip(first, size, shape, strict=True)
            ]
            if cut.slices is not None:
                indices = [cut.slices, *indices]
            # slices of a flat volume stand among the channels: all are warped alike
            values.append(self._values(cut.example, indices).reshape(-1, *size))
            labels.append(take_window(cut.example.labels, indices).reshape(-1, *size))
        shift = torch.from_numpy((centres - low).astype(np.float32)).to(self._device)
        offsets = self._warper.offsets([cut.warp for cut in cuts], self._device)
        coordinates = offsets + shift.reshape(*shift.shape, *(1,) * len(size))
        for axis, n in enumerate(size):
            coordinates[:, axis].clamp_(0, int(n) - 1)
        return self._tensor(values), self._tensor(labels), coordinates

    def _values(self, example: Example, indices: Sequence[np.ndarray]) -> np.ndarray:
        """Image, parent's targets and weight of a window as channels of one array."""
        shape = tuple(len(index) for index in indices)
        parts = [take_window(example.image, indices)]
        if self._target_channels:
            unknown = np.full((self._target_channels, *shape), np.nan, np.float32)
            targets = example.parent_targets
            parts.append(unknown if targets is None else take_window(targets, indices))
        if self._weighted:
            ones = np.ones((1, *shape), np.float32)
            weight = example.weight
            parts.append(ones if weight is None else take_window(weight[None], indices))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, dtype=np.float32)

    def _tensor(self, parts: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(parts)).to(self._device)

    def _split(self, values: Tensor, labels: Tensor) -> PatchBatch:
        """The channels that `_values` put together, apart again."""
        channels = len(self._examples[0].image)
        targets = values[:, channels : channels + self._target_channels]
        return PatchBatch(
            values[:, :channels],
            labels,
            targets if self._target_channels else None,
            values[:, -1] if self._weighted else None,
        )


def patch_shape(
    examples: Sequence[Example], settings: TrainSettings, multiple: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The shape of a patch: as set, or a cube in physical proportions; no longer than the longest
    frame, in multiples.
    """
    dimensions = examples[0].labels.ndim
    steps = multiple or (1,) * dimensions
    sizes = _common_sizes(examples)
    side = settings.patch_px or PATCH_PX
    wanted = settings.patch_shape or tuple(
        max(1, round(side * min(sizes) / size)) for size in sizes
    )
    if len(wanted) != dimensions:
        raise SettingsError(
            f"The patch has {len(wanted)} sides {wanted}, but the network works in {dimensions}D. "
            "Give one for each axis."
        )
    longest = [
        max(LEAST_PX, *(example.labels.shape[axis] for example in examples))
        for axis in range(dimensions)
    ]
    return tuple(
        round_up(min(side, most), step)
        for side, most, step in zip(wanted, longest, steps, strict=True)
    )


def mirrored(indices: np.ndarray, length: int) -> np.ndarray:
    """Indices of an axis, mirrored at its ends without repeating them, as the network pads."""
    period = max(1, 2 * (length - 1))
    return np.asarray(np.minimum(indices % period, -indices % period))


def take_window(array: np.ndarray, indices: Sequence[np.ndarray]) -> np.ndarray:
    """The voxels at the given indices of each of the last axes, without a copy where they follow
    each other.
    """
    for axis, index in enumerate(indices, start=array.ndim - len(indices)):
        first = int(index[0])
        count = len(index)
        consecutive = first + count - 1 == index[-1] and (np.diff(index) == 1).all()
        if consecutive:
            array = array[(slice(None),) * axis + (slice(first, first + count),)]
        else:
            array = array.take(index, axis)
    return array


def _common_sizes(examples: Sequence[Example]) -> tuple[float, ...]:
    """The proportions of a voxel, the median of those of the examples."""
    known = [example.spacing for example in examples if example.spacing is not None]
    if not known:
        return (1.0,) * examples[0].labels.ndim
    proportions = [np.array(sizes) / min(sizes) for sizes in known]
    return tuple(float(size) for size in np.median(proportions, axis=0))


def _sample_linear(values: Tensor, coordinates: Tensor) -> Tensor:
    """Sample (N, C, *window) linearly at voxel coordinates (N, dimensions, *patch)."""
    size = torch.tensor(values.shape[2:], dtype=torch.float32, device=values.device)
    scale = (2 / (size - 1)).reshape(1, -1, *(1,) * (coordinates.ndim - 2))
    # grid_sample takes coordinates of -1 … 1 in the order x, y, z, in the last axis
    grid = (coordinates * scale - 1).flip(1).movedim(1, -1)
    return torch.nn.functional.grid_sample(
        values, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


def _sample_nearest(labels: Tensor, coordinates: Tensor) -> Tensor:
    """The same of (N, C, *window) labels, each voxel from the nearest."""
    index = torch.zeros(1, dtype=torch.long, device=labels.device)  # of a voxel in a flat window
    for axis, length in enumerate(labels.shape[2:]):
        index = index * length + coordinates[:, axis].round().long()
    channels = labels.shape[1]
    index = index.flatten(1)[:, None].expand(-1, channels, -1)
    return labels.flatten(2).gather(2, index).reshape(len(labels), channels, *coordinates.shape[2:])
