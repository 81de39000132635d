"""Which engines there may be, and what of them is installed, known without importing any."""

from importlib import metadata
from typing import Literal

Kind = Literal["torch", "torch on a card", "openvino"]  # as far as they differ in what they take

NOT_INSTALLED = "OpenVINO is not installed. Install it with: pip install 'napari-unet-loop[openvino]', or choose the engine torch."
NO_CLUSTERS = "dask.distributed is not installed. Install it with: pip install 'napari-unet-loop[cluster]', or leave --scheduler out."


def kind_for(engine: str, device: str, openvino: bool) -> Kind:
    """What runs a network, by the settings' engine and the device; `openvino` is whether that is installed."""
    if engine == "openvino" or (engine == "auto" and openvino and device == "cpu"):
        return "openvino"
    return torch_on(device)


def torch_on(device: str) -> Kind:
    """Torch on a device."""
    return "torch" if device == "cpu" else "torch on a card"


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
