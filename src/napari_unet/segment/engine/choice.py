"""Which engine runs a model: the one that the settings name, or the one that was measured to be
fastest.
"""

from collections.abc import Callable, Iterator
from functools import partial

from napari_unet.devices import choose, ram_available_bytes
from napari_unet.errors import EngineError, NotEnoughMemoryError, SettingsError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import find_devices, torch
from napari_unet.segment.engine.auto.auto_engine import AutoEngine, Makers, choose_runner, made
from napari_unet.segment.engine.auto.crowding import Crowding, threads_set
from napari_unet.segment.engine.auto.figures import Figures
from napari_unet.segment.engine.auto.runners import (
    PLAIN,
    UNKNOWN_WORKLOAD,
    Runner,
    Workload,
    runner_of,
)
from napari_unet.segment.engine.auto.threads import ThreadChoice, thread_options
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.kinds import (
    NOT_INSTALLED,
    PROCESSOR,
    Precision,
    openvino_version,
)
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.memory import BYTES_UNFUSED, RAM_SHARE, WINDOW_BYTES

_NAMES: dict[Runner, str] = {
    "torch": "torch on cpu",
    "openvino": "openvino on cpu",
    "plain torch": f"torch on cpu {PLAIN}",
}
SHORT_VOXELS = 2**17  # a run of fewer takes some hundredths of a second
CROWDING = Crowding()  # of this process, since all its runs share the machine


def choose_device(wanted: str) -> str:
    """The name of the device that a setting means on this machine; raises `DeviceError` where it
    can not be used.
    """
    return choose(wanted, find_devices()).name


def make_engine(
    model: Model, settings: SegmentSettings, work: Workload = UNKNOWN_WORKLOAD, begun: str = ""
) -> Engine:
    """The engine that the settings choose, ready to run.

    On the processor the engine "auto" is the one that will be done first with the `work`, by what
    was measured (`auto/`), or that of a run that was `begun`, by its name. Where OpenVINO can not
    run the model, or fails during the run, torch replaces it. Where the device "auto" is a card
    whose memory is not even enough for the smallest tile, the processor replaces it. The engine's
    note says so. An engine or a device that is chosen by name is never replaced.

    Raises `EngineError` for a named engine that is not installed or can not run the model, and for
    that of a run that was begun, if it is not installed; `SettingsError` for one that does not run
    on the chosen device, `DeviceError` for a device that can not be used, `NotEnoughMemoryError`
    for a named one without memory for the model.
    """
    if settings.engine == "openvino":
        return _named_openvino(model, settings)
    device = choose_device(settings.device)
    if settings.engine == "auto" and device == PROCESSOR:
        return _measured(model, settings, work, begun)
    if settings.device == "auto" and device != PROCESSOR:
        return _card_or_processor(model, settings, device)
    return _torch(model, settings, device)


def engines_to_compare(model: Model, settings: SegmentSettings, work: Workload) -> Iterator[Engine]:
    """The engines that the settings leave open, one after the other; raises as `make_engine`."""
    if settings.engine != "auto" or choose_device(settings.device) != PROCESSOR:
        yield make_engine(model, settings, work)
        return
    for runner in runners_for(model, settings, work):
        yield make_engine(model, settings, work, _NAMES[runner])


def runners_for(model: Model, settings: SegmentSettings, work: Workload) -> Makers:
    """What can run a model on the processor: how each is made, the one that is ready first at the
    beginning.
    """
    makers: dict[Runner, Callable[[], Engine]] = {
        "torch": partial(_torch, model, settings, PROCESSOR)
    }
    if openvino_version() is not None:
        makers["openvino"] = partial(_openvino_or_torch, model, settings)
    if _plain_fits(model, work):
        makers["plain torch"] = partial(_plain_torch, model, settings)
    return makers


def _measured(model: Model, settings: SegmentSettings, work: Workload, begun: str) -> Engine:
    """The engine that measurements choose, or that of a run that was begun."""
    config = model.spec.architecture
    makers = runners_for(model, settings, work)
    figures = Figures(config, work, settings.precision)
    most = torch.get_num_threads()
    short = work.voxels * work.count <= SHORT_VOXELS
    crowded = partial(CROWDING, most, short)
    threads = thread_options(most, crowded)
    runner = runner_of(begun) or choose_runner(makers, config, figures, work, threads)
    if runner == "plain torch":
        makers = {**makers, runner: partial(_plain_torch, model, settings)}
    if runner not in makers:
        raise EngineError(
            f"The run was begun with {begun}, which is not installed here. Install it with: pip "
            "install 'napari-unet-loop[openvino]', or begin anew at another place."
        )
    with threads_set(threads[0]):
        engine = made(makers[runner], runner, figures)
    choice = ThreadChoice(most, crowded, partial(figures.voxel_seconds, runner))
    return AutoEngine(engine, figures, choice, tuple(makers))


def _plain_fits(model: Model, work: Workload) -> bool:
    """Whether there is another form of torch's network to try, and memory for it: it takes more
    than tiles are planned for.
    """
    config = model.spec.architecture
    if config.residual or not work.count:  # there is none, or nothing to try it on
        return False
    needed = BYTES_UNFUSED[config.dimensions] * config.width * work.voxels
    return needed <= min(WINDOW_BYTES[config.dimensions], RAM_SHARE * ram_available_bytes())


def _plain_torch(model: Model, settings: SegmentSettings) -> Engine:
    return TorchEngine(model.network, PROCESSOR, "", settings.precision, fused=False)


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
