"""The parent's probabilities on the frames that a fine-tune learns from: where nothing is trusted,
the guard against forgetting holds the child to them.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import TARGET_VOXELS, Example, Extent
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.model.head import head_of
from napari_unet.model.model import Model
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl
from napari_unet.scans.scan import Scan, Slices
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream

REACH = 2  # patches: how far from a voxel a patch near it sees, turned and grown
MOST_UNTRUSTED = 16  # frames of a scan without any trusted voxel that a guard is shown


def extent_for(
    settings: TrainSettings, items: Sequence[TrainItem], dimensions: int, *, guarded: bool
) -> Extent:
    """How much of the frames becomes examples: what patches near a trusted voxel reach, and what
    the parent will be run on.
    """
    reach = REACH * max(settings.patch_shape or (settings.patch_px or PATCH_PX,))
    if not guarded:
        return Extent(reach)
    voxels = TARGET_VOXELS[dimensions]
    teaching = sum(
        item.trust is None or bool(item.trust_of(*frame).any())
        for item in items
        for frame in item.frames(dimensions)
    )
    # a frame without trusted voxels is of use only if it can be run whole
    small = any(prod(item.scan.frame_shape(dimensions)) <= voxels for item in items)
    return Extent(reach, max(1, voxels // max(1, teaching)), MOST_UNTRUSTED if small else 0)


def with_parent_targets(
    examples: Sequence[Example], parent: Model, device: str, control: GetControl
) -> list[Example]:
    """The examples with the parent's probabilities where not all is trusted: those that teach
    first, until `TARGET_VOXELS` are used up.

    Where the targets of an example are NaN already (what is held out), they stay NaN: nothing pulls
    the child to the parent where it is judged. Of a frame too large, the part around its trusted
    voxels becomes a second example, which shares the memory of the first. Examples that neither
    teach nor have targets are left out.
    """
    engine = TorchEngine(parent.network, choose_device(device))
    left = TARGET_VOXELS[parent.spec.architecture.dimensions]
    teaching = [bool((example.labels != IGNORE).any()) for example in examples]
    made = {
        n: [replace(examples[n], parent_targets=None)] for n in np.flatnonzero(teaching).tolist()
    }
    for number in sorted(range(len(examples)), key=lambda n: not teaching[n]):
        whole = examples[number].labels.size <= left
        if left < 1 or not (whole or teaching[number]):
            continue
        part = examples[number] if whole else _part_around_trusted(examples[number], left)
        targets = _targets(part, parent, engine, control)
        if targets is not None:
            guarded = replace(part, parent_targets=targets)
            made[number] = [guarded] if whole else [*made[number], guarded]
            left -= part.labels.size
    return [example for number in sorted(made) for example in made[number]]


def _targets(
    example: Example, parent: Model, engine: TorchEngine, control: GetControl
) -> np.ndarray | None:
    """The parent's probabilities, NaN where the example's targets are; None where every voxel is
    either trusted or NaN.
    """
    settled = example.labels != IGNORE
    if example.parent_targets is not None:
        settled = settled | np.isnan(example.parent_targets[0])
    if settled.all():
        return None
    probabilities = _probabilities(parent, example.image, engine, control)
    if example.parent_targets is None:
        return probabilities
    return np.where(np.isnan(example.parent_targets), np.float16(np.nan), probabilities)


def _part_around_trusted(example: Example, voxels: int) -> Example:
    """So many voxels of an example, around the middle of its trusted ones."""
    shape = example.labels.shape
    axes = range(len(shape))
    trusted = example.labels != IGNORE
    factor = (voxels / example.labels.size) ** (1 / len(shape))
    part: Slices = ()
    for axis, length in enumerate(shape):
        rows = np.flatnonzero(trusted.any(axis=tuple(other for other in axes if other != axis)))
        size = max(1, int(length * factor))
        first = min(max(0, int(rows[len(rows) // 2]) - size // 2), length - size)
        part = (*part, slice(first, first + size))
    targets = example.parent_targets
    return replace(
        example,
        image=example.image[(slice(None), *part)],
        labels=example.labels[part],
        parent_targets=None if targets is None else targets[(slice(None), *part)],
    )


def _probabilities(
    model: Model, image: np.ndarray, engine: TorchEngine, control: GetControl
) -> np.ndarray:
    """(K or 1, *frame) float16 of a normalised (C, *frame) on the model's grid."""
    # an example is normalised and resampled already
    as_it_is = {"normalization": Normalization(kind="none"), "spacing": None}
    spec = model.spec.model_copy(update=as_it_is)
    scan = Scan(image, "c" + spec.axes, (1.0,) * len(spec.axes))
    job = plan_job(spec, scan, SegmentSettings(keep_probabilities=True))
    out = np.zeros((head_of(spec.architecture).channels, *image.shape[1:]), np.float16)
    for tile in stream(model, job, engine=engine, control=control):
        out[(slice(None), *tile.region)] = tile.probabilities
    return out
