"""Sample scans with their true labels. They are drawn from a seed, so nothing is downloaded."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_unet.scans.samples.axons import draw_axons
from napari_unet.scans.samples.nuclei import Drawing, draw_nuclei, draw_timelapse
from napari_unet.scans.scan import Scan

SEED = 7


@dataclass(frozen=True)
class Sample:
    """A drawn scan: its image, the true class of each voxel (`truth`), and a model that fits it."""

    name: str
    title: str
    image: np.ndarray
    truth: np.ndarray
    axes: str
    spacing: tuple[float, ...]
    unit: str
    classes: tuple[str, ...]
    model: str

    @property
    def scan(self) -> Scan:
        """The image with its axes and voxel size."""
        return Scan(self.image, self.axes, self.spacing, self.unit)


def nuclei_2d(seed: int = SEED) -> Sample:
    """Stained nuclei in one focal plane, 512 x 512 pixels of 0.5 um: a fluorescence micrograph."""
    drawing = Drawing((512, 512), (0.5, 0.5), count=110)
    image, truth = draw_nuclei(drawing, np.random.default_rng(seed))
    return Sample(
        "nuclei_2d",
        "Nuclei (2D)",
        image,
        truth,
        "yx",
        drawing.spacing_um,
        "um",
        ("background", "nucleus"),
        "nuclei-2d",
    )


def nuclei_3d(seed: int = SEED) -> Sample:
    """Stained nuclei in a stack of 24 slices, 1.5 um apart, of 256 x 256 pixels of 0.5 um."""
    drawing = Drawing((24, 256, 256), (1.5, 0.5, 0.5), count=75)
    image, truth = draw_nuclei(drawing, np.random.default_rng(seed))
    return Sample(
        "nuclei_3d",
        "Nuclei (3D)",
        image,
        truth,
        "zyx",
        drawing.spacing_um,
        "um",
        ("background", "nucleus"),
        "nuclei-2d",
    )


def nuclei_timelapse(seed: int = SEED) -> Sample:
    """Stained nuclei that wander and fade over 6 images of 256 x 256 pixels of 0.5 um."""
    drawing = Drawing((256, 256), (0.5, 0.5), count=32)
    image, truth = draw_timelapse(drawing, 6, np.random.default_rng(seed))
    names = ("background", "nucleus")
    return Sample(
        "nuclei_timelapse",
        "Nuclei (time-lapse)",
        image,
        truth,
        "tyx",
        drawing.spacing_um,
        "um",
        names,
        "nuclei-2d",
    )


def axons(seed: int = SEED) -> Sample:
    """Nerve fibres in cross-section, 512 x 512 pixels of 0.1 um: a scanning electron micrograph."""
    image, truth = draw_axons((512, 512), np.random.default_rng(seed))
    names = ("background", "axon", "myelin")
    return Sample(
        "axons",
        "Axons (electron microscopy)",
        image,
        truth,
        "yx",
        (0.1, 0.1),
        "um",
        names,
        "axons-sem-2d",
    )


SAMPLES: dict[str, Callable[..., Sample]] = {
    "nuclei_2d": nuclei_2d,
    "nuclei_3d": nuclei_3d,
    "nuclei_timelapse": nuclei_timelapse,
    "axons": axons,
}
