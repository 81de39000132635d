"""A network, a patch and a batch for data, chosen by rules from their fingerprint.

In the spirit of nnU-Net (Isensee et al., Nature Methods 2021); but these rules are for minutes on
the machine at hand, not for days.
"""

from collections.abc import Sequence
from math import prod

from napari_unet.devices import Device, ram_total_bytes
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.learn.setup.fingerprint import Fingerprint, fingerprint_of
from napari_unet.learn.setup.object_size import UNKNOWN_PX
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import receptive_field, round_up, total_strides
from napari_unet.model.head import head_for_classes
from napari_unet.model.spec import ClassSpec, ModelSpec, Provenance, TrainedSpacing

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
    names = tuple(f"channel {n}" for n in range(found.channels))
    spacing = None if found.spacing_um is None else TrainedSpacing(size=found.spacing_um)
    origin = Provenance(training={"fingerprint": found.as_dict()})
    return ModelSpec(
        name="new model",
        architecture=config,
        channels=("intensity",) if found.channels == 1 else names,
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
    patch = settings.patch_shape
    if patch is None and settings.patch_px is None:
        sides = _patch_of(found, _wide(device))
        steps = total_strides(spec.architecture)
        patch = tuple(round_up(side, step) for side, step in zip(sides, steps, strict=True))
    size = prod(patch) if patch is not None else (settings.patch_px or PATCH_PX) ** found.dimensions
    batch = settings.batch or _batch(spec.architecture, size, device)
    return settings.model_copy(update={"patch_shape": patch, "batch": batch})


def _wide(device: Device) -> int:
    """How many times as wide a network and patch may be as on a processor."""
    return 1 if device.name == "cpu" else 2


def _patch_of(found: Fingerprint, wide: int) -> tuple[int, ...]:
    """As many voxels as a square or cube of eight object diameters, in physical proportions and
    within the frame.
    """
    least, most = SIDES[found.dimensions]
    side = min(max(8 * max(found.object_px.values(), default=UNKNOWN_PX), least), most * wide)
    lengths = list(found.shape)
    free = list(range(found.dimensions))
    left = side**found.dimensions
    # an axis that is too short is taken whole, and the others share what it leaves
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
    """How far along x an output voxel sees; the width of a network has no part in that."""
    config = UNetConfig.model_validate(
        {"dimensions": dimensions, "depth": len(strides), "strides": tuple(strides), "width": 1}
    )
    return min(receptive_field(config)[-1])


def _batch(config: UNetConfig, patch_voxels: int, device: Device) -> int:
    """As many patches as make a step of the usual size, and as the memory of the machine allows.

    At least two where memory allows: of one patch alone the statistics of a batch say little.
    """
    on_cpu = device.name == "cpu"
    wanted = round(STEP_VOXELS[config.dimensions] * (1 if on_cpu else FASTER) / patch_voxels)
    most = MOST_BATCH[config.dimensions] * (1 if on_cpu else 4)
    if on_cpu:
        memory = RAM_SHARE * ram_total_bytes()
    else:
        memory = MEMORY_SHARE * (device.memory_bytes or UNKNOWN_BYTES)
    affordable = int(memory / (STEP_BYTES * config.width / 16 * patch_voxels))
    return max(1, min(max(wanted, 2), most, affordable))
