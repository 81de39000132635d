"""Batches of patches, cut from examples, warped and varied: only what a patch needs is copied, then
all at once.

Where the voxels of a volume are much deeper than wide, its slices are warped alike and none is made
from others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_unet.errors import SettingsError
from napari_unet.learn.data.augment import vary_intensities
from napari_unet.learn.data.centres import Places
from napari_unet.learn.data.example import Example
from napari_unet.learn.data.warp import Warp, Warper
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.model.geometry import round_up
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
FLAT = 3.0  # depth of a voxel, in widths, from which on slices are not mixed (as in nnU-Net)
LEAST_PX = 16  # of a patch, where frames are smaller


class Batch(NamedTuple):
    """What a step learns from; `prior` (NaN: unknown) and `weight` where any example has them."""

    images: Tensor  # (N, C, *patch) float32
    labels: Tensor  # (N, *patch) int64, IGNORE where nothing is taught
    prior: Tensor | None = None  # (N, K or 1, *patch) float32
    weight: Tensor | None = None  # (N, *patch) float32
    guard: Tensor | None = None  # (N,) float32, how much the prior counts

    def to(self, device: str) -> "Batch":
        """The same on a device."""
        return Batch(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Cut:
    """One patch to be: of which example, around which place, how warped; and its slices, where they
    are kept apart.
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
        self._goal = device
        self._device = "cpu" if device.startswith("mps") else device  # which lacks sampling in 3D
        self._places = Places(examples, settings, self.patch)
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
        self._outputs = max(
            (len(example.prior) for example in examples if example.prior is not None), default=0
        )
        self._weighted = any(example.weight is not None for example in examples)
        self._drawn = 0

    def state(self) -> dict[str, int]:
        """Where the sampler stands, as plain numbers."""
        return {"batches": self._drawn}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Go on from a `state`."""
        self._drawn = int(state["batches"])

    def batch(self, size: int) -> Batch:
        """Draw the next `size` patches, varied in place and in intensity, on the device."""
        rng = np.random.default_rng([self._settings.seed, self._drawn])
        self._drawn += 1
        cuts = [self._cut(rng) for _ in range(size)]
        values, labels, coordinates = self._windows(cuts)
        values = _take(values, coordinates)
        labels = _take_nearest(labels, coordinates)
        batch = self._parts(
            values.reshape(size, -1, *self.patch), labels.reshape(size, *self.patch).long()
        )
        if batch.prior is not None:
            batch = batch._replace(guard=torch.tensor([cut.example.guard for cut in cuts]))
        vary_intensities(batch.images, self._settings.augment, rng, self._sizes)
        return batch.to(self._goal)

    def _cut(self, rng: np.random.Generator) -> _Cut:
        index, centre = self._places.draw(rng)
        example = self._examples[index]
        warp = self._warper.draw(rng, (example.spacing or self._sizes)[self._warped])
        slices = self._slices(centre[0], len(example.labels), rng) if self._flat else None
        return _Cut(example, self._on_grid(centre[self._warped], warp), warp, slices)

    def _slices(self, centre: float, length: int, rng: np.random.Generator) -> np.ndarray:
        count = self.patch[0]
        places = round(centre - (count - 1) / 2) + np.arange(count)
        turned = self._settings.augment.flips and not self._oriented[0] and rng.random() < 0.5
        return mirrored(places[::-1] if turned else places, length)

    def _on_grid(self, centre: np.ndarray, warp: Warp) -> np.ndarray:
        """Where no warp asks for interpolation, the centre is such that none is done."""
        if warp.points.any() or not np.isin(np.abs(warp.matrix), (0, 1)).all():
            return centre
        odd = np.abs(warp.matrix) @ (np.array(self._warper.patch) % 2)
        return np.asarray(np.where(odd, np.round(centre), np.floor(centre) + 0.5))

    def _windows(self, cuts: Sequence[_Cut]) -> tuple[Tensor, Tensor, Tensor]:
        """What the patches are made from, cut to one size: values and labels, and coordinates in
        them.
        """
        reach = np.stack([self._warper.reach(cut.warp) for cut in cuts])
        centres = np.stack([cut.centre for cut in cuts])
        low = np.floor(centres - reach).astype(np.intp)
        size = np.maximum(2, (np.ceil(centres + reach).astype(np.intp) + 1 - low).max(axis=0))
        values = []
        labels = []
        for cut, first in zip(cuts, low, strict=True):
            shape = cut.example.labels.shape[self._warped]
            places = [
                mirrored(start + np.arange(n), length)
                for start, n, length in zip(first, size, shape, strict=True)
            ]
            places = places if cut.slices is None else [cut.slices, *places]
            values.append(self._values(cut.example, places).reshape(-1, *size))
            labels.append(window(cut.example.labels, places).reshape(-1, *size))
        shift = torch.from_numpy((centres - low).astype(np.float32)).to(self._device)
        coordinates = self._warper.offsets(
            [cut.warp for cut in cuts], self._device
        ) + shift.reshape(*shift.shape, *(1,) * len(size))
        for axis, n in enumerate(size):
            coordinates[:, axis].clamp_(0, int(n) - 1)
        return self._tensor(values), self._tensor(labels), coordinates

    def _values(self, example: Example, places: Sequence[np.ndarray]) -> np.ndarray:
        """Image, prior and weight of a window as channels of one array."""
        shape = tuple(len(index) for index in places)
        parts = [window(example.image, places)]
        if self._outputs:
            empty = (self._outputs, *shape)
            parts.append(
                np.full(empty, np.nan, np.float32)
                if example.prior is None
                else window(example.prior, places)
            )
        if self._weighted:
            parts.append(
                np.ones((1, *shape), np.float32)
                if example.weight is None
                else window(example.weight[None], places)
            )
        return parts[0] if len(parts) == 1 else np.concatenate(parts, dtype=np.float32)

    def _tensor(self, parts: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(parts)).to(self._device)

    def _parts(self, values: Tensor, labels: Tensor) -> Batch:
        channels = len(self._examples[0].image)
        prior = values[:, channels : channels + self._outputs] if self._outputs else None
        return Batch(values[:, :channels], labels, prior, values[:, -1] if self._weighted else None)


def patch_shape(
    examples: Sequence[Example], settings: TrainSettings, multiple: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The shape of a patch: as set, or a cube in physical proportions; no longer than the longest
    frame, in multiples.
    """
    dimensions = examples[0].labels.ndim
    steps = multiple or (1,) * dimensions
    sizes = _common_sizes(examples)
    wanted = settings.patch_shape or tuple(
        max(1, round((settings.patch_px or PATCH_PX) * min(sizes) / size)) for size in sizes
    )
    if len(wanted) != dimensions:
        raise SettingsError(
            f"The patch has {len(wanted)} sides {wanted}, but the network works in {dimensions}D. Give one for each axis."
        )
    longest = [
        max(LEAST_PX, *(example.labels.shape[axis] for example in examples))
        for axis in range(dimensions)
    ]
    return tuple(
        round_up(min(side, most), step)
        for side, most, step in zip(wanted, longest, steps, strict=True)
    )


def mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Indices of an axis, mirrored at its ends without repeating them, as the network pads."""
    period = max(1, 2 * (length - 1))
    return np.asarray(np.minimum(places % period, -places % period))


def window(array: np.ndarray, places: Sequence[np.ndarray]) -> np.ndarray:
    """The voxels at the given indices of each of the last axes: slices where they follow each
    other.
    """
    for axis, index in enumerate(places, start=array.ndim - len(places)):
        first = int(index[0])
        count = len(index)
        straight = first + count - 1 == index[-1] and (np.diff(index) == 1).all()
        array = (
            array[(slice(None),) * axis + (slice(first, first + count),)]
            if straight
            else array.take(index, axis)
        )
    return array


def _common_sizes(examples: Sequence[Example]) -> tuple[float, ...]:
    """The proportions of a voxel, the middle of those of the examples."""
    known = [example.spacing for example in examples if example.spacing is not None]
    if not known:
        return (1.0,) * examples[0].labels.ndim
    return tuple(
        float(size) for size in np.median([np.array(sizes) / min(sizes) for sizes in known], axis=0)
    )


def _take(values: Tensor, coordinates: Tensor) -> Tensor:
    """Sample (N, C, *window) linearly at voxel coordinates (N, dimensions, *patch)."""
    size = torch.tensor(values.shape[2:], dtype=torch.float32, device=values.device)
    scale = (2 / (size - 1)).reshape(1, -1, *(1,) * (coordinates.ndim - 2))
    grid = (coordinates * scale - 1).flip(1).movedim(1, -1)
    return torch.nn.functional.grid_sample(
        values, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


def _take_nearest(labels: Tensor, coordinates: Tensor) -> Tensor:
    """The same of (N, C, *window) labels, each voxel from the nearest."""
    index = torch.zeros(1, dtype=torch.long, device=labels.device)
    for axis, length in enumerate(labels.shape[2:]):
        index = index * length + coordinates[:, axis].round().long()
    channels = labels.shape[1]
    index = index.flatten(1)[:, None].expand(-1, channels, -1)
    return labels.flatten(2).gather(2, index).reshape(len(labels), channels, *coordinates.shape[2:])
