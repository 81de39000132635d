"""A built-in model on its test list: Dice per image, of `napari_unet.segment` on the native image
with its pixel size.

python benchmarks/builtin.py nuclei-2d --data FOLDER
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import store
from options import command_line

import napari_unet as nu
from napari_unet.measure.metrics import overlap

sys.path.insert(0, str(Path(__file__).parent.parent / "recipes"))
from recipe import Recipe, names
from train import RECIPES


def main() -> None:
    """Segment every image of the list, and keep mean, median and worst of each class."""
    parser = command_line(__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=("val", "test"))
    options = parser.parse_args()
    recipe: Recipe = import_module(RECIPES[options.name]).RECIPE
    model = nu.load_model(options.name)
    listed = names(options.data, options.split)
    pairs = [recipe.load(options.data, name) for name in listed]
    found = [(nu.segment(scan, model), truth) for scan, truth in pairs]
    figures: dict[str, object] = {
        "list": options.split,
        "images": len(found),
        "weights_sha256": model.weights_sha256[:12],
    }
    means = []
    for label, item in enumerate(model.spec.classes[1:], start=1):
        scores = [overlap(prediction, truth, label).dice for prediction, truth in found]
        means.append(float(np.mean(scores)))
        three = {"mean": np.mean(scores), "median": np.median(scores), "worst": np.min(scores)}
        figures[f"Dice of {item.name}"] = {
            key: round(float(value), 4) for key, value in three.items()
        }
    figures["mean of the classes"] = round(float(np.mean(means)), 4)
    store.save(
        f"builtin-{options.name}-{options.split}",
        f"python benchmarks/builtin.py {options.name} --data FOLDER",
        figures,
    )


if __name__ == "__main__":
    main()
