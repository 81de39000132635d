"""What a result says of how it was made."""

from importlib.metadata import version
from typing import Any

import numpy as np

from napari_unet import __version__
from napari_unet.model.model import Model
from napari_unet.segment.check import wanted_spacing
from napari_unet.segment.engine.kinds import precision_of
from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.lattice import halo_facts


def run_facts(model: Model, job: SegmentJob, engine: EngineFacts) -> dict[str, Any]:
    """How a result was made, as plain values, for its file or its layer."""
    return {
        "model": model.spec.name,
        "weights_sha256": model.weights_sha256,
        "settings": job.settings.model_dump(),
        "threshold": job.threshold if job.task.has_threshold else None,
        "engine": engine.name,
        "engine_note": engine.note,
        "engine_reason": engine.reason,
        "precision": precision_of(engine.kind),
        "spacing": list(job.scan.spacing),
        "spacing_unit": job.scan.unit,
        "resampled_to": wanted_spacing(job.spec, job.scan, job.settings),
        "halo": halo_facts(job),
        "versions": {
            "napari-unet-loop": __version__,
            "torch": version("torch"),
            "numpy": np.__version__,
        },
    }
