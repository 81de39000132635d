"""Which engines there may be, and what of them is installed, known without importing any."""

from importlib import metadata
from typing import Literal

Kind = Literal["torch", "openvino"]

NOT_INSTALLED = "OpenVINO is not installed. Install it with: pip install 'napari-unet-loop[openvino]', or choose the engine torch."
NO_CLUSTERS = "dask.distributed is not installed. Install it with: pip install 'napari-unet-loop[cluster]', or leave --scheduler out."


def kind_for(engine: str, device: str, openvino: bool) -> Kind:
    """Which library runs a network, by the settings' engine and the device; `openvino` is whether that is installed."""
    if engine == "auto":
        return "openvino" if openvino and device == "cpu" else "torch"
    return "openvino" if engine == "openvino" else "torch"


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
