"""Which engine runs a model: the one that the settings name, or the fastest installed one that
works."""

from functools import partial

from napari_unet.devices import choose
from napari_unet.errors import EngineError, NotEnoughMemoryError, SettingsError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import find_devices
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.kinds import (
    NOT_INSTALLED,
    PROCESSOR,
    Precision,
    kind_for,
    openvino_version,
)
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.settings import SegmentSettings


def choose_device(wanted: str) -> str:
    """The name of the device that a setting means on this machine; raises `DeviceError` where it
    can not be used.
    """
    return choose(wanted, find_devices()).name


def make_engine(model: Model, settings: SegmentSettings) -> Engine:
    """The engine that the settings choose, ready to run.

    The engine "auto" is OpenVINO where it is installed and the device is the processor; where that
    can not run the model, or fails during the run, torch replaces it. Where the device "auto" is a
    card whose memory is not even enough for the smallest tile, the processor replaces it. The
    engine's note says so. An engine or a device that is chosen by name is never replaced.

    Raises `EngineError` for a named engine that is not installed or can not run the model,
    `SettingsError` for one that does not run on the chosen device, `DeviceError` for a device that
    can not be used, `NotEnoughMemoryError` for a named one without memory for the model.
    """
    if settings.engine == "openvino":
        return _named_openvino(model, settings)

    def by_torch(device: str, note: str = "") -> Engine:
        return TorchEngine(model.network, device, note, settings.precision)

    device = choose_device(settings.device)
    on_processor = partial(by_torch, PROCESSOR)
    if kind_for(settings.engine, device, openvino_version() is not None) == "openvino":
        try:
            return FallbackEngine(_openvino(model, settings.precision), on_processor)
        except EngineError as error:
            return on_processor(f"{error} PyTorch runs instead.")
    if settings.device != "auto" or device == PROCESSOR:
        return by_torch(device)
    try:
        return FallbackEngine(by_torch(device), on_processor)
    except NotEnoughMemoryError:
        pass  # the card's memory is free again only here, where its error is gone
    return on_processor(
        f"The memory of {device} does not suffice for the model. The processor runs instead."
    )


def _named_openvino(model: Model, settings: SegmentSettings) -> Engine:
    if settings.device not in ("auto", "cpu"):
        raise SettingsError(
            f"OpenVINO runs on the processor, not on {settings.device}. "
            "Choose the device cpu, or the engine torch."
        )
    if openvino_version() is None:
        raise EngineError(NOT_INSTALLED)
    try:
        return _openvino(model, settings.precision)
    except EngineError as error:
        raise EngineError(f"{error} Choose the engine torch.") from error


def _openvino(model: Model, precision: Precision) -> Engine:
    from napari_unet.segment.engine.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(model.network, precision)
