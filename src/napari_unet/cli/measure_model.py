"""What `models measure` does: a few windows of noise."""

from dataclasses import asdict
from typing import Any

from napari_unet.cli.outcome import Outcome
from napari_unet.model.library import load_model
from napari_unet.segment.probe import probe
from napari_unet.segment.settings import SegmentSettings


def measure_model(name_or_path: str, settings: SegmentSettings, voxels: int) -> Outcome:
    """Speed and memory of a model with these settings, on a window of so many voxels; raises `NapariUNetError` where it can not run."""
    model = load_model(name_or_path)
    found = probe(model, settings, voxels)
    values: dict[str, Any] = {"name": model.spec.name, **asdict(found)}
    sides = " × ".join(map(str, found.window))
    memory = "" if found.voxel_bytes is None else f", {found.voxel_bytes:.0f} bytes"
    return Outcome(values, f"{model.spec.name} by {found.engine}: {1e9 * found.voxel_seconds:.0f} ns{memory} per voxel of {sides}.")
