"""A network for data that no model is there for, chosen from what the data are like.

In the spirit of nnU-Net (Isensee et al., Nature Methods 2021): a fingerprint of scans and labels,
and rules that make a network, a patch and a batch of it. The rules are for minutes on the machine
at hand, not for days.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from napari_unet.devices import Device, ram_total_bytes
from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.learn.setup.object_size import UNKNOWN_PX, object_diameters_px
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import receptive_field, round_up, total_strides
from napari_unet.model.head import head_for_classes
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance, TrainedSpacing
from napari_unet.scans.resample import convert

LOOKED_ITEMS = 12  # for the size of their objects
FEWEST_SLICES = 8  # below, a stack is a few slices and no volume
DEEPEST_VOXEL = 5.0  # in widths: beyond, a slice says little of the next one
LABELLED_SLICES = 0.5  # share from which on a labelled stack is a labelled volume
LEAST_DEEP = 4  # voxels along an axis at the deepest level (as in nnU-Net)
DEPTHS = {2: (3, 5), 3: (2, 4)}
CONTEXT = 2.0  # object diameters that a voxel should see on each side
SIDES = {2: (128, 192), 3: (64, 64)}  # of a patch
MOST_BATCH = {2: 16, 3: 2}
STEP_VOXELS = {2: 4 * 192**2, 3: 2 * 64**3}  # on a processor
FASTER = 8  # how many times that an accelerator gets
STEP_BYTES = 4000  # for each voxel of a step, at width 16
MEMORY_SHARE = 0.5  # of an accelerator's
# of all there is: what happens to be free must not decide, or the same steps give other bits
RAM_SHARE = 0.25
UNKNOWN_BYTES = 2**33


@dataclass(frozen=True)
class Fingerprint:
    """What scans and labels are like, on the grid that the network will work on; `why` tells the
    dimensions.
    """

    dimensions: int
    why: str
    shape: tuple[int, ...]  # of the middle frame
    spacing_um: tuple[float, ...] | None
    sizes: tuple[float, ...]  # of a voxel, the smallest 1
    channels: int
    object_px: dict[int, float]  # per class, along x

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a model's provenance."""
        return asdict(self) | {
            "object_px": {str(label): round(px, 1) for label, px in self.object_px.items()}
        }


def spec_from_scratch(
    items: Sequence[TrainItem], classes: Sequence[ClassSpec], device: Device
) -> ModelSpec:
    """The spec of a new model for these items, with what it was chosen by in its provenance."""
    found = fingerprint_of(items)
    wide = _wide(device)
    strides = _strides_of(found, _patch_of(found, wide))
    config = UNetConfig.model_validate(
        {
            "dimensions": found.dimensions,
            "in_channels": found.channels,
            **head_for_classes(len(classes)).config_fields,
            "width": 16 * wide,
            "depth": len(strides),
            "max_width": 256 * wide,
            "strides": None if all(set(level) == {2} for level in strides) else strides,
        }
    )
    names = (
        ("intensity",)
        if found.channels == 1
        else tuple(f"channel {n}" for n in range(found.channels))
    )
    spacing = None if found.spacing_um is None else TrainedSpacing(size=found.spacing_um)
    origin = Provenance(training={"fingerprint": found.as_dict()})
    return ModelSpec(
        name="new model",
        architecture=config,
        channels=names,
        classes=tuple(classes),
        spacing=spacing,
        provenance=origin,
    )


def with_patches(
    settings: TrainSettings, items: Sequence[TrainItem], spec: ModelSpec, device: Device
) -> TrainSettings:
    """The settings with a patch and a batch for a network of `spec` on these items, where none were
    given.
    """
    found = fingerprint_of(items, spec)
    steps = total_strides(spec.architecture)
    patch = settings.patch_shape
    if patch is None and settings.patch_px is None:
        patch = tuple(
            round_up(side, step)
            for side, step in zip(_patch_of(found, _wide(device)), steps, strict=True)
        )
    size = prod(patch) if patch is not None else (settings.patch_px or PATCH_PX) ** found.dimensions
    batch = settings.batch or _batch(spec.architecture, size, device)
    return settings.model_copy(update={"patch_shape": patch, "batch": batch})


def _wide(device: Device) -> int:
    """How many times as wide a network and patch may be as on a processor."""
    return 1 if device.name == "cpu" else 2


def fingerprint_of(items: Sequence[TrainItem], spec: ModelSpec | None = None) -> Fingerprint:
    """What the items are like, on the grid of a model that is there or on one of their own."""
    dimensions, why = (
        dimensions_for(items) if spec is None else (spec.architecture.dimensions, "the model's own")
    )
    spacing, factors = _grid(
        items, dimensions, None if spec is None or spec.spacing is None else spec.spacing
    )
    shapes = [
        np.array(item.scan.frame_shape(dimensions)) * factor
        for item, factor in zip(items, factors, strict=True)
    ]
    sizes = np.median([_proportions(item.scan.frame_spacing(dimensions)) for item in items], axis=0)
    return Fingerprint(
        dimensions,
        why,
        tuple(max(1, round(float(n))) for n in np.median(shapes, axis=0)),
        spacing,
        tuple(float(size) for size in (sizes if spacing is None else _proportions(spacing))),
        items[0].scan.channels,
        _objects(items, [float(factor[-1]) for factor in factors]),
    )


Spacing = tuple[float, ...]


def _grid(
    items: Sequence[TrainItem], dimensions: int, trained: TrainedSpacing | None
) -> tuple[Spacing | None, list[np.ndarray]]:
    """The model's spacing in µm, or the middle of the items' where all are known; and how many of
    its voxels make one of each item.
    """
    found = [convert(item.scan.frame_spacing(dimensions), item.scan.unit, "um") for item in items]
    known = [np.array(size) for size in found if size is not None]
    if len(known) < len(items):
        return None, [np.ones(dimensions) for _ in items]
    model = None if trained is None else convert(trained.size, trained.unit, "um")
    middle = np.median(known, axis=0) if model is None else np.array(model)
    return tuple(float(size) for size in middle), [size / middle for size in known]


def _proportions(sizes: Sequence[float]) -> np.ndarray:
    return np.array(sizes) / min(sizes)


def dimensions_for(items: Sequence[TrainItem]) -> tuple[int, str]:
    """2 for slices and 3 for volumes, with the reason."""
    if any("z" not in item.scan.axes for item in items):
        return 2, "not every image has a z axis"
    slices = float(np.median([item.scan.frame_shape(3)[0] for item in items]))
    if slices < FEWEST_SLICES:
        return 2, f"{slices:g} slices are no volume"
    depth = float(
        np.median(
            [size[0] / min(size[1:]) for size in (item.scan.frame_spacing(3) for item in items)]
        )
    )
    if depth > DEEPEST_VOXEL:
        return 2, f"voxels are {depth:.3g} times as deep as wide"
    share = float(np.median([_labelled_slices(item) for item in items]))
    if share < LABELLED_SLICES:
        return 2, f"{share:.0%} of the slices are labelled"
    return 3, "volumes are labelled"


def _labelled_slices(item: TrainItem) -> float:
    """The share of slices with trusted voxels, in the volumes that have any."""
    if item.trust is None:
        return 1.0
    shares = [
        float((item.trust_of(*frame) != UNTRUSTED).any(axis=(1, 2)).mean())
        for frame in item.frames(3)
    ]
    return float(np.mean([share for share in shares if share] or [0.0]))


def _objects(items: Sequence[TrainItem], factors: Sequence[float]) -> dict[int, float]:
    sizes: dict[int, list[float]] = {}
    for n in np.unique(
        np.linspace(0, len(items) - 1, min(LOOKED_ITEMS, len(items))).round().astype(int)
    ):
        for label, px in object_diameters_px(items[n]).items():
            sizes.setdefault(label, []).append(px * factors[n])
    return {label: float(np.median(all_px)) for label, all_px in sorted(sizes.items())}


def _patch_of(found: Fingerprint, wide: int) -> tuple[int, ...]:
    """As many voxels as a square or cube of eight object diameters, in physical proportions and
    within the frame.
    """
    least, most = SIDES[found.dimensions]
    side = min(max(8 * max(found.object_px.values(), default=UNKNOWN_PX), least), most * wide)
    lengths = list(found.shape)
    free = list(range(found.dimensions))
    left = side**found.dimensions
    while free:
        edge = (left * prod(found.sizes[axis] for axis in free)) ** (1 / len(free))
        short = [axis for axis in free if found.shape[axis] <= edge / found.sizes[axis]]
        for axis in short or free:
            lengths[axis] = found.shape[axis] if short else max(1, round(edge / found.sizes[axis]))
            left /= lengths[axis]
        free = [axis for axis in free if axis not in short] if short else []
    return tuple(lengths)


def _strides_of(found: Fingerprint, patch: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Levels until a voxel sees its object; an axis is halved while it is long enough and not yet
    the coarser one.
    """
    object_px = max(found.object_px.values(), default=UNKNOWN_PX)
    least, most = DEPTHS[found.dimensions]
    lengths = list(patch)
    sizes = list(found.sizes)
    strides = list[tuple[int, ...]]()
    while len(strides) < most and (
        len(strides) < least or _sees(found.dimensions, strides) < CONTEXT * object_px
    ):
        able = [axis for axis, n in enumerate(lengths) if n >= 2 * LEAST_DEEP]
        finest = min((sizes[axis] for axis in able), default=0.0)
        step = tuple(
            2 if axis in able and sizes[axis] < 2 * finest else 1
            for axis in range(found.dimensions)
        )
        if max(step) == 1:
            break
        strides.append(step)
        lengths = [-(-n // s) for n, s in zip(lengths, step, strict=True)]
        sizes = [size * s for size, s in zip(sizes, step, strict=True)]
    return tuple(strides)


def _sees(dimensions: int, strides: Sequence[tuple[int, ...]]) -> int:
    """How far along x an output voxel sees."""
    config = UNetConfig.model_validate(
        {"dimensions": dimensions, "depth": len(strides), "strides": tuple(strides), "width": 1}
    )
    return min(receptive_field(config)[-1])


def _batch(config: UNetConfig, patch_voxels: int, device: Device) -> int:
    """As many patches as make a step of the usual size, and as the memory of the machine allows."""
    on_cpu = device.name == "cpu"
    wanted = round(STEP_VOXELS[config.dimensions] * (1 if on_cpu else FASTER) / patch_voxels)
    most = MOST_BATCH[config.dimensions] * (1 if on_cpu else 4)
    memory = (
        RAM_SHARE * ram_total_bytes()
        if on_cpu
        else MEMORY_SHARE * (device.memory_bytes or UNKNOWN_BYTES)
    )
    affordable = int(memory / (STEP_BYTES * config.width / 16 * patch_voxels))
    return max(1, min(max(wanted, 2), most, affordable))
