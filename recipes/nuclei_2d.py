"""nuclei-2d: fluorescence nuclei of the 2018 Data Science Bowl (BBBC038), nucleus or background."""

from pathlib import Path

import numpy as np
from recipe import Pair, Recipe, read_png

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ClassSpec, ModelSpec
from napari_unet.scans.scan import scan_of

SPEC = ModelSpec(
    name="nuclei-2d",
    summary="Nuclei in fluorescence microscopy, bright on dark, about 10 to 100 pixels across.",
    architecture=UNetConfig(dimensions=2, in_channels=1, out_channels=1, width=16, depth=4),
    channels=("nuclear stain",),
    classes=(
        ClassSpec(name="background", colour="#000000"),
        ClassSpec(name="nucleus", colour="#ff9f1c"),
    ),
    data="2018 Data Science Bowl, stage 1 (BBBC038), fluorescence images, "
    "with the corrected masks of K. Lopuhin",
    licence="CC0-1.0",
    citation="Caicedo et al., Nature Methods 16:1247 (2019)",
)

SETTINGS = TrainSettings(
    steps=9000,
    warmup_steps=450,
    batch=6,
    patch_px=160,
    learning_rate=3e-3,
    average=0.999,
    precision="bfloat16",
    class_balance=0.0,
    augment=AugmentSettings(
        warped_share=0.75, contrast=1.5, brightness=0.15, noise=0.08, scale=2.0
    ),
)


def load(folder: Path, name: str) -> Pair:
    """An image and where nuclei are."""
    labels = read_png(folder, "labels", name) > 0
    return scan_of(read_png(folder, "images", name)), labels.astype(np.uint8)


RECIPE = Recipe(SPEC, SETTINGS, load)
