"""What the benchmarks of learning share: data as a user has them, scores as a user gets them, and
rows that grow run by run.
"""

import csv
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import store

import napari_unet as nu
from napari_unet.learn.result import TrainResult
from napari_unet.measure.metrics import overlap
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec
from napari_unet.scans.scan import scan_of

Pair = tuple[nu.Scan, np.ndarray]
Figures = dict[str, Any]
Summary = Callable[[list[Figures]], Figures]
MEMBRANES = (
    ClassSpec(name="cell", colour="#000000"),
    ClassSpec(name="membrane", colour="#ff9f1c"),
)  # of ISBI 2012
UNTRUSTED, PAINTED, REVIEWED = 0, 1, 2


def names(folder: Path, split: str) -> list[str]:
    """The images of a split: the lines of train.txt, val.txt or test.txt."""
    return (folder / f"{split}.txt").read_text().split()


def binary(folder: Path, name: str) -> Pair:
    """An image, and where any object is."""
    image, labels = (
        np.asarray(iio.imread(folder / kind / f"{name}.png")) for kind in ("images", "labels")
    )
    return scan_of(image), (labels > 0).astype(np.uint8)


def axons(folder: Path, name: str) -> Pair:
    """An image of axons_sem with its pixel size, and its three classes."""
    with (folder / "pixel_size_um.csv").open() as file:
        sizes = {row["name"]: float(row["pixel_um"]) for row in csv.DictReader(file)}
    image, labels = (
        np.asarray(iio.imread(folder / kind / f"{name}.png")) for kind in ("images", "labels")
    )
    return scan_of(image, spacing=(sizes[name],) * 2), labels.astype(np.uint8)


def timed(items: Sequence[Any], **options: Any) -> tuple[TrainResult, float]:
    """`nu.train`, and the seconds from the call to its result, verdict included."""
    begin = time.monotonic()
    result = nu.train(items, **options)
    return result, time.monotonic() - begin


def pooled(model: Model, pairs: Iterable[Pair], labels: Sequence[int] = (1,)) -> list[float]:
    """Dice of each label, the voxels of all images together."""
    found = [(nu.segment(scan, model).ravel(), truth.ravel()) for scan, truth in pairs]
    prediction, truth = (np.concatenate(part) for part in zip(*found, strict=True))
    return [overlap(prediction, truth, label).dice for label in labels]


def per_image(model: Model, pairs: Iterable[Pair], labels: Sequence[int] = (1,)) -> float:
    """Dice of each image and label, their mean."""
    found = [(nu.segment(scan, model), truth) for scan, truth in pairs]
    return float(
        np.mean(
            [
                overlap(prediction, truth, label).dice
                for prediction, truth in found
                for label in labels
            ]
        )
    )


def runs_of(row: str) -> dict[str, Figures]:
    """The runs that a row has so far, by their keys."""
    path = store.RESULTS / f"{row}.json"
    return dict(json.loads(path.read_text()).get("runs", {})) if path.exists() else {}


def add_run(row: str, command: str, key: str, run: Figures, summary: Summary) -> None:
    """Add a run to its row, in the place of an earlier one with its key, and sum the runs up."""
    runs = runs_of(row) | {key: {**run, "commit": store.circumstances()["commit"]}}
    store.save(row, command, summary([runs[k] for k in sorted(runs, key=_number)]), {"runs": runs})


def over_runs(runs: list[Figures], digits: int = 4) -> Figures:
    """Median and range of every number of the runs; what else they hold from the first."""
    found: Figures = {"runs": len(runs)}
    for name, value in runs[0].items():
        if name == "commit":
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        found[name] = store.spread([run[name] for run in runs], digits) if number else value
    return found


def verdict_of(result: TrainResult) -> Figures:
    """What the verdict said, in short."""
    verdict = result.verdict
    mean = result.verdict.mean
    scores = (
        {}
        if mean is None
        else {"held out, before": _round(mean.parent), "held out, after": _round(mean.child)}
    )
    return {"verdict": verdict.kind, "units": verdict.units, **scores}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _number(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdigit() else (0, key)
