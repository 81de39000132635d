"""What comes of a training, and what the model's file records of it: hashes and numbers, no paths
and no names of files or layers.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from napari_unet.learn.data.amounts import amounts_of, trusted_voxels
from napari_unet.learn.forgetting.seen_images import SEEN_IMAGES, seen_images_of
from napari_unet.learn.judging.regions import ChangedRegion
from napari_unet.learn.judging.verdict import Verdict
from napari_unet.learn.optimise.fit import Fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.prepare import Prepared
from napari_unet.model.model import Model
from napari_unet.model.spec import MAX_NAME, Provenance

VERSIONS_OF = ("napari-unet-loop", "torch", "numpy")


@dataclass(frozen=True)
class History:
    """How a training went: the loss of every step, and held-out scores (step, Dice per class) now
    and then.
    """

    losses: tuple[float, ...] = ()
    scores: tuple[tuple[int, dict[str, float]], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainResult:
    """What came of a training.

    `model` is the new one, whatever the verdict: `verdict.kind` says whether it should take the
    place of the parent, and `best` is the one that should be used. `settings` repeat the training
    to the same bits; `changes` show where the two models differ, in the regions on which they were
    compared; `notes` are sentences about the file of the parent, the images and labels, and how it
    ended.
    """

    model: Model
    verdict: Verdict
    history: History
    settings: TrainSettings
    parent: Model | None = None
    changes: tuple[ChangedRegion, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Model:
        """The new model, unless the parent won or nobody did, or the new one learnt nothing."""
        if self.parent is not None and self.verdict.kind in ("parent", "tie", "not learnt"):
            return self.parent
        return self.model


def with_provenance(found: Fit, prepared: Prepared, verdict: Verdict) -> Model:
    """The model that was trained, with what it comes from in its spec."""
    scores = {
        f"dice {row.name}, held out"[:MAX_NAME]: round(row.child, 4) for row in verdict.classes
    }
    provenance = Provenance(
        parent=None if prepared.parent is None else prepared.parent.weights_sha256,
        training=_training_of(found, prepared, verdict),
        scores=scores,
        versions={name: version(name) for name in VERSIONS_OF},
        date=datetime.now(UTC).date().isoformat(),
    )
    spec = prepared.spec.model_copy(update={"provenance": provenance})
    return Model(spec, found.model.network, found.model.weights_sha256)


def _training_of(found: Fit, prepared: Prepared, verdict: Verdict) -> dict[str, Any]:
    """How the model was trained, by the keys that model files have had from the first."""
    items = prepared.items
    training = prepared.spec.provenance.training | {
        "round": prepared.round,
        "ended": found.ended,
        "verdict": verdict.kind,
        "units": verdict.sampling_units,
        "corrections": amounts_of(items),
        "settings": found.settings.model_dump(mode="json", exclude_none=True),
    }
    origin = None if prepared.parent is None else prepared.parent.spec.provenance.training
    seen = seen_images_of(items, trusted_voxels(items), origin)
    return training if seen is None else training | {SEEN_IMAGES: seen}
