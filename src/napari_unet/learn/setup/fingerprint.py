"""What scans and labels are like, as far as the choice of a network depends on it: a fingerprint in
the spirit of nnU-Net (Isensee et al., Nature Methods 2021).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_unet.learn.data.corrections import UNTRUSTED
from napari_unet.learn.data.evenly import evenly_chosen
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.setup.object_size import object_diameters_px
from napari_unet.model.spec import ModelSpec, TrainedSpacing
from napari_unet.scans.resample import convert

MEASURED_ITEMS = 12  # for the size of their objects
FEWEST_SLICES = 8  # below, a stack is a few slices and no volume
DEEPEST_VOXEL = 5.0  # in widths: beyond, a slice says little of the next one
LABELLED_SLICES = 0.5  # share from which on a labelled stack is a labelled volume

Spacing = tuple[float, ...]


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


def fingerprint_of(items: Sequence[TrainItem], spec: ModelSpec | None = None) -> Fingerprint:
    """What the items are like, on the grid of a model that is there or on one of their own."""
    if spec is None:
        dimensions, why = dimensions_for(items)
    else:
        dimensions = spec.architecture.dimensions
        why = "the model's own"
    spacing, factors = _grid(items, dimensions, None if spec is None else spec.spacing)
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
    spacings = [item.scan.frame_spacing(3) for item in items]
    depth = float(np.median([spacing[0] / min(spacing[1:]) for spacing in spacings]))
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
    trusted = (item.trust_of(*frame) != UNTRUSTED for frame in item.frames(3))  # one at a time
    shares = [float(volume.any(axis=(1, 2)).mean()) for volume in trusted]
    return float(np.mean([share for share in shares if share] or [0.0]))


def _objects(items: Sequence[TrainItem], factors: Sequence[float]) -> dict[int, float]:
    sizes: dict[int, list[float]] = {}
    for item, factor in evenly_chosen(list(zip(items, factors, strict=True)), MEASURED_ITEMS):
        for label, px in object_diameters_px(item).items():
            sizes.setdefault(label, []).append(px * factor)
    return {label: float(np.median(all_px)) for label, all_px in sorted(sizes.items())}
