"""axons-sem-2d: axons and myelin of rat spinal cord in scanning EM, at a common pixel size."""

import csv
from pathlib import Path

import numpy as np
from recipe import Pair, Recipe, read_png

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ClassSpec, ModelSpec, TrainedSpacing
from napari_unet.scans.scan import scan_of

SPEC = ModelSpec(
    name="axons-sem-2d",
    summary="Axons and their myelin in scanning electron micrographs of nerve tissue.",
    architecture=UNetConfig(dimensions=2, in_channels=1, out_channels=3, width=16, depth=4),
    channels=("electron micrograph",),
    classes=(
        ClassSpec(name="background", colour="#000000"),
        ClassSpec(name="axon", colour="#3a86ff"),
        ClassSpec(name="myelin", colour="#ffbe0b"),
    ),
    spacing=TrainedSpacing(size=(0.1, 0.1), unit="um"),
    data="data_axondeepseg_sem: rat spinal cord, scanning EM",
    licence="MIT",
    citation="Zaimi et al., Scientific Reports 8:3816 (2018)",
)

SETTINGS = TrainSettings(
    steps=3000,
    warmup_steps=150,
    batch=6,
    patch_px=160,
    learning_rate=3e-3,
    average=0.998,
    precision="bfloat16",
    class_balance=0.0,
    augment=AugmentSettings(
        warped_share=0.75,
        contrast=1.8,
        brightness=0.15,
        noise=0.08,
        scale=1.5,
        blur_px=2.5,
        gamma=1.8,
    ),
)


def load(folder: Path, name: str) -> Pair:
    """An image with its pixel size, and its classes."""
    with (folder / "pixel_size_um.csv").open() as file:
        sizes = {row["name"]: float(row["pixel_um"]) for row in csv.DictReader(file)}
    scan = scan_of(read_png(folder, "images", name), spacing=(sizes[name],) * 2)
    return scan, read_png(folder, "labels", name).astype(np.uint8)


RECIPE = Recipe(SPEC, SETTINGS, load)
