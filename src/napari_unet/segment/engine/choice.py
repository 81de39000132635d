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
    device = choose_device(settings.device)
    if kind_for(settings.engine, device, openvino_version() is not None) == "openvino":
        return _openvino_or_torch(model, settings)
    if settings.device == "auto" and device != PROCESSOR:
        return _card_or_processor(model, settings, device)
    return _torch(model, settings, device)


def _torch(model: Model, settings: SegmentSettings, device: str, note: str = "") -> Engine:
    return TorchEngine(model.network, device, note, settings.precision)


def _openvino_or_torch(model: Model, settings: SegmentSettings) -> Engine:
    """OpenVINO, with torch in reserve; torch alone where OpenVINO can not run the model."""
    torch_instead = partial(_torch, model, settings, PROCESSOR)
    try:
        return FallbackEngine(_openvino(model, settings.precision), torch_instead)
    except EngineError as error:
        return torch_instead(f"{error} PyTorch runs instead.")


def _card_or_processor(model: Model, settings: SegmentSettings, card: str) -> Engine:
    """A card, with the processor in reserve; the processor alone where the model does not fit."""
    processor_instead = partial(_torch, model, settings, PROCESSOR)
    try:
        return FallbackEngine(_torch(model, settings, card), processor_instead)
    except NotEnoughMemoryError:
        pass  # the card's memory is free again only where the error is gone
    return processor_instead(
        f"The memory of {card} does not suffice for the model. The processor runs instead."
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
