"""Which engines there may be, and what of them is installed, known without importing any."""

from importlib import metadata
from typing import Literal

Kind = Literal["torch", "openvino"]

NOT_INSTALLED = "OpenVINO is not installed. Install it with: pip install 'napari-unet-loop[openvino]', or choose the engine torch."


def kind_for(engine: str, device: str, openvino: bool) -> Kind:
    """Which library runs a network, by the settings' engine and the device; `openvino` is whether that is installed."""
    if engine == "auto":
        return "openvino" if openvino and device == "cpu" else "torch"
    return "openvino" if engine == "openvino" else "torch"


def openvino_version() -> str | None:
    """The installed version of OpenVINO; None where it is not installed."""
    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return None
