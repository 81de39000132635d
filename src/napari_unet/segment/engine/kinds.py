"""Which engines exist, and which of them are installed, found without importing any."""

import math
from importlib import metadata
from typing import Literal

Precision = Literal["float32", "half"]
Library = Literal["torch", "torch on a card", "torch on Metal", "openvino"]
Half = Literal[
    "torch in half", "torch on a card in half", "torch on Metal in half", "openvino in half"
]
Kind = Library | Half  # those that differ in memory and speed
HALVES: dict[Library, Kind] = {
    "torch": "torch in half",
    "torch on a card": "torch on a card in half",
    "torch on Metal": "torch on Metal in half",
    "openvino": "openvino in half",
}

PROCESSOR = "cpu"  # as a device is called
NOT_INSTALLED = (
    "OpenVINO is not installed. Install it with: pip install 'napari-unet-loop[openvino]', "
    "or choose the engine torch."
)
NO_HALF = "This processor has no instructions for half precision, so float32 runs."
NO_CLUSTERS = (
    "dask.distributed is not installed. Install it with: pip install 'napari-unet-loop[cluster]', "
    "or leave --scheduler out."
)


def kind_for(engine: str, device: str, openvino: bool, precision: Precision = "float32") -> Kind:
    """The kind of engine that settings and device lead to; `openvino`: whether it is installed."""
    if engine == "openvino" or (engine == "auto" and openvino and device == "cpu"):
        return in_precision("openvino", precision)
    return in_precision(torch_on(device), precision)


def torch_on(device: str) -> Library:
    """The library by which torch computes on a device of that name, such as "cuda:1"."""
    others: dict[str, Library] = {"cpu": "torch", "mps": "torch on Metal"}
    return others.get(device, "torch on a card")


def in_precision(library: Library, precision: Precision) -> Kind:
    """A library that computes in that precision."""
    return library if precision == "float32" else HALVES[library]


def precision_of(kind: Kind) -> Precision:
    """The precision that an engine of a kind computes in."""
    return "half" if kind in HALVES.values() else "float32"


def torch_version() -> str | None:
    """The installed version of PyTorch, found without importing it."""
    return _version("torch")


def size_of(voxels: int) -> int:
    """The size of a window in doublings of voxels: within one, windows are about as fast."""
    return round(math.log2(max(1, voxels)))


def openvino_version() -> str | None:
    """The installed version of OpenVINO; None where it is not installed."""
    return _version("openvino")


def distributed_version() -> str | None:
    """The installed version of dask.distributed; None where it is not installed."""
    return _version("distributed")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
