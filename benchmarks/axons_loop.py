"""A model meets an animal that it never saw: one trusted quarter of one image, and a minute.

    # the parent is made first where its file is not there
    python benchmarks/axons_loop.py --data FOLDER --parent MODEL.safetensors
    python benchmarks/axons_loop.py --data FOLDER --parent MODEL.safetensors --animal sub-rat3

The parent learns for three minutes from the train list without the animal. Then the upper left
quarter of the animal's first image is reviewed, and the parent fine-tuned on it for 60 s, each seed
anew. The score is the mean Dice of axon and myelin on the rest of that animal, all voxels pooled:
its other images, and of the first one what was not reviewed. Only the train list is used.
"""

import argparse
from pathlib import Path

import numpy as np
from learning import REVIEWED, Figures, Pair, add_run, axons, names, over_runs, timed, verdict_of
from options import add_settings, command_line

import napari_unet as nu
from napari_unet.measure.metrics import overlap
from napari_unet.model.model import Model

CLASSES = ("background", "axon", "myelin")


def main() -> None:
    """Fine-tune once for each seed, and store the row."""
    options = _options()
    listed = names(options.data, "train")
    own = [axons(options.data, name) for name in listed if name.startswith(options.animal)]
    others = [axons(options.data, name) for name in listed if not name.startswith(options.animal)]
    if not options.parent.exists():
        nu.save_model(
            timed(others, minutes=3, classes=CLASSES, name="axons of other animals")[0].model,
            options.parent,
        )
    parent = nu.load_model(options.parent)
    before = rest(parent, own)
    for seed in options.seeds:
        row = f"axons-loop-{options.animal}"
        command = (
            "python benchmarks/axons_loop.py --data FOLDER --parent MODEL "
            f"--animal {options.animal}"
        )
        add_run(row, command, str(seed), run(options, parent, own, before, seed), over_runs)


def run(
    options: argparse.Namespace, parent: Model, own: list[Pair], before: float, seed: int
) -> Figures:
    """One fine-tune on a quarter."""
    scan, labels = own[0]
    trust = np.where(quarter(labels), np.uint8(REVIEWED), np.uint8(0))
    settings = nu.TrainSettings.model_validate_json(options.settings).model_copy(
        update={"minutes": 1.0, "seed": seed}
    )
    result, seconds = timed([(scan, labels, trust)], start=parent, settings=settings)
    after = rest(result.model, own)
    scores = {
        "mean Dice, before": round(before, 4),
        "mean Dice, after": round(after, 4),
        "gain": round(after - before, 4),
    }
    return {
        **scores,
        "seconds": round(seconds, 1),
        "steps": result.settings.steps,
        **verdict_of(result),
    }


def quarter(labels: np.ndarray) -> np.ndarray:
    """The upper left quarter."""
    mask = np.zeros(labels.shape, bool)
    mask[: labels.shape[0] // 2, : labels.shape[1] // 2] = True
    return mask


def rest(model: Model, own: list[Pair]) -> float:
    """Mean Dice of axon and myelin on all of the animal but the quarter."""
    found = [(nu.segment(scan, model), truth) for scan, truth in own]
    scored = [
        ~quarter(truth) if n == 0 else np.ones(truth.shape, bool)
        for n, (_, truth) in enumerate(found)
    ]
    prediction = np.concatenate([one[mask] for (one, _), mask in zip(found, scored, strict=True)])
    truth = np.concatenate([one[mask] for (_, one), mask in zip(found, scored, strict=True)])
    return float(np.mean([overlap(prediction, truth, label).dice for label in (1, 2)]))


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parent", type=Path, required=True)
    parser.add_argument("--animal", default="sub-rat1")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add_settings(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
