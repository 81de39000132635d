"""The sample scans as layers for File ▸ Open Sample, each with its truth as a hidden layer."""

from typing import Any

from napari_unet.scans.samples import samples
from napari_unet.scans.samples.samples import Sample
from napari_unet.scans.scan import SPATIAL

LayerData = tuple[Any, dict[str, Any], str]


def open_nuclei() -> list[LayerData]:
    """Stained nuclei in one plane."""
    return layers_of(samples.nuclei_2d())


def open_nuclei_3d() -> list[LayerData]:
    """Stained nuclei in a stack whose slices are farther apart than its pixels."""
    return layers_of(samples.nuclei_3d())


def open_timelapse() -> list[LayerData]:
    """Stained nuclei that move."""
    return layers_of(samples.nuclei_timelapse())


def open_axons() -> list[LayerData]:
    """Nerve fibres in cross-section, as in a scanning electron microscope."""
    return layers_of(samples.axons())


def layers_of(sample: Sample) -> list[LayerData]:
    """A sample's image and its hidden truth, as napari takes them from a plugin."""
    spacing = iter(sample.spacing)
    keywords = {
        "scale": [next(spacing) if axis in SPATIAL else 1.0 for axis in sample.axes],
        "units": [sample.unit if axis in SPATIAL else "pixel" for axis in sample.axes],
        "axis_labels": list(sample.axes),
    }
    classes = {"index": list(range(len(sample.classes))), "class": list(sample.classes)}
    return [
        (sample.image, {**keywords, "name": sample.title}, "image"),
        (
            sample.truth,
            {**keywords, "name": f"{sample.title}: truth", "visible": False, "features": classes},
            "labels",
        ),
    ]
