"""What a built-in model is made of: data, network, settings. One `Recipe` for each model, read by
`train.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from napari_unet.learn.settings import TrainSettings
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan

Pair = tuple[Scan, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """How one model is made: `load(folder, name)` gives an image of the data with its labels."""

    spec: ModelSpec
    settings: TrainSettings
    load: Callable[[Path, str], Pair]


def names(folder: Path, split: str) -> list[str]:
    """The images of a split: the lines of train.txt, val.txt or test.txt."""
    return (folder / f"{split}.txt").read_text().split()


def read_png(folder: Path, kind: str, name: str) -> np.ndarray:
    """One image or label file."""
    return np.asarray(iio.imread(folder / kind / f"{name}.png"))
