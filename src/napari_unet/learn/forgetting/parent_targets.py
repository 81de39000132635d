"""What the parent says of the frames that teach: the guard against forgetting holds the child to it
where nothing is trusted.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from napari_unet.learn.data.example import IGNORE, MOST_UNTRUSTED, Example, Extent
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import PATCH_PX, TrainSettings
from napari_unet.model.head import head_of
from napari_unet.model.model import Model
from napari_unet.model.spec import Normalization
from napari_unet.progress import GetControl
from napari_unet.scans.scan import Scan
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream

REACH = 2  # patches: how far from a voxel a patch near it, turned and grown, sees
PRIOR_VOXELS = {2: 2**21, 3: 2**19}  # whatever the time, so that the same steps give the same bits


def extent_for(
    settings: TrainSettings, items: Sequence[TrainItem], dimensions: int, *, guarded: bool
) -> Extent:
    """How much of the frames is kept: what patches near a trusted voxel reach, and what the parent
    will be asked of.
    """
    reach = REACH * max(settings.patch_shape or (settings.patch_px or PATCH_PX,))
    if not guarded:
        return Extent(reach)
    voxels = PRIOR_VOXELS[dimensions]
    teaching = sum(
        item.trust is None or bool(item.trust_of(*frame).any())
        for item in items
        for frame in item.frames(dimensions)
    )
    shown = any(prod(item.scan.frame_shape(dimensions)) <= voxels for item in items)
    return Extent(reach, max(1, voxels // max(1, teaching)), MOST_UNTRUSTED if shown else 0)


def with_priors(
    examples: Sequence[Example], parent: Model, device: str, control: GetControl
) -> list[Example]:
    """The examples with the parent's probabilities where not all is trusted: those that teach
    first, as far as it is affordable.

    Where an example has NaN as its prior (what is held out), it stays NaN: nothing pulls the child
    to the parent where it is judged. Of a frame too large for that, the part around what teaches
    stands beside it as an example of its own, which shares its memory. Examples that neither teach
    nor have a prior are left out.
    """
    engine = TorchEngine(parent.network, choose_device(device))
    left = PRIOR_VOXELS[parent.spec.architecture.dimensions]
    teaching = [bool((example.labels != IGNORE).any()) for example in examples]
    kept = {n: [replace(examples[n], prior=None)] for n in np.flatnonzero(teaching).tolist()}
    for number in sorted(range(len(examples)), key=lambda n: not teaching[n]):
        whole = examples[number].labels.size <= left
        if left < 1 or not (whole or teaching[number]):
            continue
        part = examples[number] if whole else _part(examples[number], left)
        if (said := _said(part, parent, engine, control)) is not None:
            kept[number] = [*([] if whole else kept[number]), replace(part, prior=said)]
            left -= part.labels.size
    return [example for number in sorted(kept) for example in kept[number]]


def _said(
    example: Example, parent: Model, engine: TorchEngine, control: GetControl
) -> np.ndarray | None:
    """The parent's probabilities, NaN where they were; None where no voxel is open to them."""
    known = example.labels != IGNORE
    if (known if example.prior is None else known | np.isnan(example.prior[0])).all():
        return None
    said = _probabilities(parent, example.image, engine, control)
    return (
        said
        if example.prior is None
        else np.where(np.isnan(example.prior), np.float16(np.nan), said)
    )


def _part(example: Example, voxels: int) -> Example:
    """So many voxels of an example, around the middle of what teaches in it."""
    shape = example.labels.shape
    known = example.labels != IGNORE
    factor = (voxels / example.labels.size) ** (1 / len(shape))
    places = []
    for axis, length in enumerate(shape):
        taught = np.flatnonzero(known.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
        kept = max(1, int(length * factor))
        first = min(max(0, int(taught[len(taught) // 2]) - kept // 2), length - kept)
        places.append(slice(first, first + kept))
    inner = tuple(places)
    prior = None if example.prior is None else example.prior[(slice(None), *inner)]
    return replace(
        example,
        image=example.image[(slice(None), *inner)],
        labels=example.labels[inner],
        prior=prior,
    )


def _probabilities(
    model: Model, image: np.ndarray, engine: TorchEngine, control: GetControl
) -> np.ndarray:
    """(K or 1, *frame) float16 of a normalised (C, *frame) on the model's grid."""
    spec = model.spec.model_copy(
        update={"normalization": Normalization(kind="none"), "spacing": None}
    )
    scan = Scan(image, "c" + spec.axes, (1.0,) * len(spec.axes))
    out = np.zeros((head_of(spec.architecture).channels, *image.shape[1:]), np.float16)
    for tile in stream(
        model,
        plan_job(spec, scan, SegmentSettings(keep_probabilities=True)),
        engine=engine,
        control=control,
    ):
        out[(slice(None), *tile.region)] = tile.probabilities
    return out
