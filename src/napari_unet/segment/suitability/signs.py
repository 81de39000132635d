"""What a model shows of itself on a part of a scan: how sure it is, what it finds, and whether it
finds the same in mirrored copies.
"""

from dataclasses import dataclass, replace

import numpy as np

from napari_unet.model.head import Head, head_of
from napari_unet.model.model import Model
from napari_unet.progress import GetControl
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.suitability.part import ScanPart
from napari_unet.segment.tiles.normalize import excluded_in

SURE = 0.9  # the least probability of an answer that the model is sure of
MIRRORED_AXES = (-2, -1)  # y and x: what is upside down along z may well look different


@dataclass(frozen=True)
class Signs:
    """Shares from 0 to 1: of the part that has each of the `classes`, the background's first; of
    what the model finds in it, all that is not background, what it is `unsure` of, and what it does
    not find alike in a `mirrored` copy.
    """

    classes: tuple[float, ...]
    unsure: float
    mirrored: float

    @property
    def found(self) -> float:
        """The share of all classes but the background."""
        return sum(self.classes[1:])


@dataclass(frozen=True)
class _Answer:
    """The labels (*region) of a part, and how probable the model finds each."""

    labels: np.ndarray
    certainty: np.ndarray


def signs_of(
    model: Model, part: ScanPart, settings: SegmentSettings, engine: Engine, control: GetControl
) -> Signs:
    """Run a model on a part and on two mirrored copies of it."""
    own = _answer(model, part, settings, engine, control)
    copies = [
        np.flip(_answer(model, part.mirrored(axis), settings, engine, control).labels, axis)
        for axis in MIRRORED_AXES
    ]
    excluded = excluded_in(np.asarray(part.scan.data), part.statistics)
    inside = own.labels if excluded is None else own.labels[~excluded]
    counted = np.bincount(inside.ravel(), minlength=len(model.spec.classes))
    found = own.labels > 0  # what is no image is background
    return Signs(
        classes=tuple(float(n) / max(1, inside.size) for n in counted),
        unsure=float((own.certainty[found] < SURE).mean()) if found.any() else 0.0,
        mirrored=float(np.mean([found_otherwise(own.labels, copy) for copy in copies])),
    )


def found_otherwise(labels: np.ndarray, others: np.ndarray) -> float:
    """The share of what is found in two arrays of labels that is not found alike in both: 1 minus
    the Dice coefficient of all classes but the background.
    """
    alike = int(((labels == others) & (labels > 0)).sum())
    found = int((labels > 0).sum()) + int((others > 0).sum())
    return 1 - 2 * alike / found if found else 0.0


def _answer(
    model: Model, part: ScanPart, settings: SegmentSettings, engine: Engine, control: GetControl
) -> _Answer:
    job = plan_job(model.spec, part.scan, settings.model_copy(update={"keep_probabilities": True}))
    job = replace(job, statistics={(): part.statistics})
    labels = job.task.empty_labels([side.stop for side in job.region])
    certainty = np.zeros(labels.shape, np.float32)
    head = head_of(model.spec.architecture)
    for tile in stream(model, job, control=control, engine=engine):
        labels[tile.region] = tile.labels
        if tile.probabilities is not None:
            certainty[tile.region] = certainty_of(tile.probabilities, head)
    return _Answer(labels, certainty)


def certainty_of(probabilities: np.ndarray, head: Head) -> np.ndarray:
    """How probable the likeliest answer is, of probabilities (K, *region): the class of a voxel, or
    the least certain of several answers that do not exclude each other.
    """
    if head.exclusive:
        likeliest: np.ndarray = probabilities.max(axis=0)
        return likeliest
    least_certain: np.ndarray = np.maximum(probabilities, 1 - probabilities).min(axis=0)
    return least_certain
