"""Which engine runs a model: what the settings say, or the fastest that is there and works."""

from napari_unet.devices import choose
from napari_unet.errors import EngineError, SettingsError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import find_devices
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.installed import NOT_INSTALLED, openvino_version
from napari_unet.segment.settings import SegmentSettings


def choose_device(wanted: str) -> str:
    """The name of the device that a setting means on this machine; raises `DeviceError` where it can not be had."""
    return choose(wanted, find_devices()).name


def make_engine(model: Model, settings: SegmentSettings) -> Engine:
    """The engine that the settings ask for, ready to run.

    "auto" takes OpenVINO where it is installed and the device is the processor; where that can not run the model, torch
    takes its place and the engine's note says so. Raises `EngineError` for a named engine that is not there or can not
    run the model, `SettingsError` for one that does not run on the device asked for, `DeviceError` for a device that
    can not be had.
    """
    if settings.engine == "openvino":
        return _named_openvino(model, settings)
    device = choose_device(settings.device)
    if settings.engine == "torch" or device != "cpu" or openvino_version() is None:
        return TorchEngine(model.network, device)
    try:
        return _openvino(model)
    except EngineError as error:
        return TorchEngine(model.network, device, f"{error} PyTorch runs instead.")


def _named_openvino(model: Model, settings: SegmentSettings) -> Engine:
    if settings.device not in ("auto", "cpu"):
        raise SettingsError(f"OpenVINO runs on the processor, not on {settings.device}. Choose the device cpu, or the engine torch.")
    if openvino_version() is None:
        raise EngineError(NOT_INSTALLED)
    try:
        return _openvino(model)
    except EngineError as error:
        raise EngineError(f"{error} Choose the engine torch.") from error


def _openvino(model: Model) -> Engine:
    from napari_unet.segment.engine.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(model.network)
