"""What is wrong in many images, and what it costs: hot pixels, and borders that hold no image.

python benchmarks/spoilt.py --data NUCLEI

Dice of `nuclei-2d` on the first images of the test list: as they are, with a share of hot pixels,
and with a twentieth of each image emptied beside a camera's offset (scored outside that band).
"""

import sys
from collections.abc import Callable
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

NAME = "nuclei-2d"
SHARES = (0.0005, 0.001, 0.005)
OFFSET = 100
BANDS = 20  # such a part of the image is a band


def main() -> None:
    """Spoil each image in each way, and keep the mean Dice."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=10)
    options = parser.parse_args()
    recipe: Recipe = import_module(RECIPES[NAME]).RECIPE
    model = nu.load_model(NAME)
    listed = names(options.data, "test")[: options.images]
    pairs = [recipe.load(options.data, name) for name in listed]
    images = [(np.asarray(scan.data[...]).astype(np.uint16), truth) for scan, truth in pairs]

    def mean(spoil: Callable[[np.ndarray], np.ndarray], first: int = 0) -> float:
        scores = []
        for image, truth in images:
            start = image.shape[1] // BANDS if first else 0
            labels = nu.segment(spoil(image), model)
            scores.append(overlap(labels[:, start:], truth[:, start:], 1).dice)
        return round(float(np.mean(scores)), 4)

    figures: dict[str, object] = {"images": len(images), "as they are": mean(lambda image: image)}
    for share in SHARES:
        figures[f"{share:.2%} hot pixels"] = mean(lambda image, s=share: hot(image, s))
    figures["beside the band, without it"] = mean(lambda image: image * 4 + OFFSET, 1)
    figures["beside the band, with it"] = mean(banded, 1)
    store.save("spoilt", "python benchmarks/spoilt.py --data NUCLEI", figures)


def hot(image: np.ndarray, share: float) -> np.ndarray:
    """Ten times the image, with a share of pixels at the largest value."""
    spoilt = image * 10
    rng = np.random.default_rng(image.size)
    spoilt.flat[rng.choice(image.size, round(share * image.size), replace=False)] = 65535
    return spoilt


def banded(image: np.ndarray) -> np.ndarray:
    """The image with an offset, and zeros at its left."""
    spoilt = image * 4 + OFFSET
    spoilt[:, : image.shape[1] // BANDS] = 0
    return spoilt


if __name__ == "__main__":
    main()
