"""What comes of a training, and what the model says of it: hashes and counts, no paths and no names
of files or layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from napari_unet.learn.data.corrections import PAINTED, REVIEWED, Corrections, label_counts
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.forgetting.seen_images import EXPERIENCE, experience_of
from napari_unet.learn.judging.regions import Changed
from napari_unet.learn.judging.verdict import Verdict
from napari_unet.learn.optimise.fit import Fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.prepare import Prepared
from napari_unet.model.model import Model
from napari_unet.model.spec import MAX_NAME, Provenance


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
    to the same bits; `changes` show where the two models differ, on the frames that were looked at;
    `notes` are sentences about how it ended, and about the file of the parent.
    """

    model: Model
    verdict: Verdict
    history: History
    settings: TrainSettings
    parent: Model | None = None
    changes: tuple[Changed, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Model:
        """The new model, unless the parent won or nobody did."""
        return (
            self.parent
            if self.parent is not None and self.verdict.kind in ("parent", "tie")
            else self.model
        )


def with_provenance(found: Fit, prepared: Prepared, verdict: Verdict) -> Model:
    """The model that was trained, with what it comes from in its spec."""
    scores = {
        f"dice {row.name}, held out"[:MAX_NAME]: round(row.child, 4) for row in verdict.classes
    }
    training = prepared.spec.provenance.training | {
        "round": prepared.round,
        "ended": found.ended,
        "verdict": verdict.kind,
        "units": verdict.units,
        "corrections": corrections_of(prepared.items),
        "settings": found.settings.model_dump(mode="json", exclude_none=True),
    }
    origin = None if prepared.parent is None else prepared.parent.spec.provenance.training
    if (known := experience_of(prepared.items, trusted_voxels(prepared.items), origin)) is not None:
        training[EXPERIENCE] = known
    provenance = Provenance(
        parent=None if prepared.parent is None else prepared.parent.weights_sha256,
        training=training,
        scores=scores,
        versions={name: version(name) for name in ("napari-unet-loop", "torch", "numpy")},
        date=datetime.now(UTC).date().isoformat(),
    )
    return Model(
        prepared.spec.model_copy(update={"provenance": provenance}),
        found.model.network,
        found.model.weights_sha256,
    )


def trusted_voxels(items: Sequence[TrainItem]) -> dict[str, int]:
    """How many voxels of each label are trusted, in all items together."""
    found: dict[str, int] = corrections_of(items)["voxels_of_label"]
    return found


def corrections_of(items: Sequence[TrainItem]) -> dict[str, Any]:
    """How much was trusted: images, voxels painted and reviewed, and voxels of each label."""
    labels = np.zeros(256, np.int64)
    trusts = np.zeros(256, np.int64)
    for item in items:
        trust = (
            np.broadcast_to(np.uint8(REVIEWED), item.labels.shape)
            if item.trust is None
            else item.trust
        )
        labels += label_counts(Corrections(item.labels, trust))
        trusts += label_counts(Corrections(trust, trust))
    per_label = {str(n): int(labels[n]) for n in np.flatnonzero(labels)}
    painted = int(trusts[PAINTED])
    reviewed = int(trusts[REVIEWED])
    return {
        "images": len(items),
        "painted_voxels": painted,
        "reviewed_voxels": reviewed,
        "voxels_of_label": per_label,
    }
