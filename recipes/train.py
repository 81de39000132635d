"""Make a built-in model: train it, choose its threshold on the validation list, score it there.

    python recipes/train.py nuclei-2d --data FOLDER --output nuclei-2d.safetensors --test

Without --test the test list stays unread: so are recipes compared. Scores are those of
`napari_unet.segment` on the native images with their own pixel size.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

import napari_unet as nu
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.optimise.fit import fit
from napari_unet.measure.metrics import overlap
from napari_unet.model.model import Model
from napari_unet.progress import Progress

sys.path.insert(0, str(Path(__file__).parent))
from recipe import Pair, Recipe, names

RECIPES = {"nuclei-2d": "nuclei_2d", "axons-sem-2d": "axons_sem_2d"}
THRESHOLDS = np.arange(0.3, 0.71, 0.05).round(2)


def main() -> None:
    """Train, choose, score, save."""
    options = _options()
    recipe: Recipe = import_module(RECIPES[options.name]).RECIPE
    train, val = (_pairs(recipe, options.data, split) for split in ("train", "val"))
    model = nu.load_model(options.scores_of) if options.scores_of else _trained(recipe, train)
    nu.save_model(model, options.output)
    model = _with_threshold(model, val)
    splits = {"validation": val}
    if options.test:
        splits["test"] = _pairs(recipe, options.data, "test")
    model = _with_scores(model, recipe, len(train), splits)
    print(nu.save_model(model, options.output), model.spec.provenance.scores)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with images, labels, train.txt, val.txt, test.txt",
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--scores-of", type=Path, help="only choose the threshold of this model and score it"
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="score the test list too: once, when everything is chosen",
    )
    return parser.parse_args()


def _pairs(recipe: Recipe, data: Path, split: str) -> list[Pair]:
    return [recipe.load(data, name) for name in names(data, split)]


def _trained(recipe: Recipe, pairs: Sequence[Pair]) -> Model:
    examples = [
        example for scan, labels in pairs for example in examples_of(scan, labels, recipe.spec)
    ]
    return fit(examples, recipe.spec, recipe.settings, on_progress=_print_progress).model


def _print_progress(progress: Progress) -> None:
    if progress.done % 100 == 0:
        print(
            f"step {progress.done} of {progress.total}, {progress.seconds_left or 0:.0f} s left",
            file=sys.stderr,
            flush=True,
        )


def _with_threshold(model: Model, pairs: Sequence[Pair]) -> Model:
    """Two classes: the threshold with the best mean Dice on the validation list."""
    if len(model.spec.classes) != 2:
        return model
    scores = [
        np.mean(list(_scores(model, pairs, float(threshold)).values())) for threshold in THRESHOLDS
    ]
    chosen = float(THRESHOLDS[int(np.argmax(scores))])
    return Model(
        model.spec.model_copy(update={"threshold": chosen}), model.network, model.weights_sha256
    )


def _with_scores(
    model: Model, recipe: Recipe, trained_on: int, splits: dict[str, Sequence[Pair]]
) -> Model:
    scores = {
        f"dice {name}, {split}": value
        for split, pairs in splits.items()
        for name, value in _scores(model, pairs).items()
    }
    provenance = model.spec.provenance.model_copy(
        update={
            "training": {**recipe.settings.model_dump(), "images": trained_on},
            "scores": {key: round(value, 4) for key, value in scores.items()},
            "versions": {name: version(name) for name in ("napari-unet-loop", "torch", "numpy")},
            "date": datetime.now(UTC).date().isoformat(),
        }
    )
    return Model(
        model.spec.model_copy(update={"provenance": provenance}),
        model.network,
        model.weights_sha256,
    )


def _scores(
    model: Model, pairs: Sequence[Pair], threshold: float | None = None
) -> dict[str, float]:
    """Dice of each class, per image, mean over the images."""
    settings = nu.SegmentSettings(threshold=threshold)
    predicted = [(nu.segment(scan, model, settings=settings), labels) for scan, labels in pairs]
    classes = enumerate(model.spec.classes[1:], start=1)
    return {
        c.name: float(np.mean([overlap(found, truth, label).dice for found, truth in predicted]))
        for label, c in classes
    }


if __name__ == "__main__":
    main()
