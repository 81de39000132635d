"""Which engine is chosen, and the note where that is not the wanted one. OpenVINO need not be
installed.
"""

import sys
from types import ModuleType

import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.devices import Device
from napari_unet.errors import DeviceError, EngineError, SettingsError
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, Progress, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.kinds import Kind, Precision
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.stream import stream

MODEL = tiny_model(tiny_spec())
DOOR = "napari_unet.segment.engine.openvino_engine"
INSTALL = "pip install 'napari-unet-loop[openvino]'"


class Fake:
    """Stands for OpenVINO's engine."""

    name = "openvino 1.2 on cpu"
    note = ""
    device = "cpu"
    kind: Kind = "openvino"

    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        self._engine = TorchEngine(network)

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        return self._engine.run(window, control)


class Broken(Fake):
    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        raise EngineError("OpenVINO can not run this model (no such processor).")


def put_openvino(monkeypatch: pytest.MonkeyPatch, version: str | None, engine: type = Fake) -> None:
    module = ModuleType(DOOR)
    module.OpenVinoEngine = engine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, DOOR, module)
    monkeypatch.setattr(choice, "openvino_version", lambda: version)


def settings(engine: str = "auto", device: str = "cpu") -> SegmentSettings:
    return SegmentSettings.model_validate({"engine": engine, "device": device})


def test_auto_takes_openvino_where_it_is_installed_and_the_device_is_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, "1.2")
    assert make_engine(MODEL, settings()).name == "openvino 1.2 on cpu"
    put_openvino(monkeypatch, None)
    assert make_engine(MODEL, settings()).kind == "torch"


def test_auto_takes_torch_on_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    monkeypatch.setattr(
        choice, "find_devices", lambda: [Device("meta", "Card"), Device("cpu", "Processor")]
    )
    made = []
    monkeypatch.setattr(choice, "TorchEngine", lambda network, device, *_: made.append(device))
    make_engine(MODEL, settings(device="auto"))
    assert made == ["meta"]
    assert make_engine(MODEL, settings(device="cpu")).kind == "openvino"


@pytest.mark.parametrize("version", ["1.2", None])
def test_torch_is_taken_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    put_openvino(monkeypatch, version)
    assert make_engine(MODEL, settings("torch")).name.startswith("torch 2")


def test_openvino_is_named_on_the_processor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    monkeypatch.setattr(
        choice, "find_devices", lambda: [Device("cuda:0", "Card"), Device("cpu", "Processor")]
    )
    assert [
        make_engine(MODEL, settings("openvino", device)).kind for device in ("auto", "cpu")
    ] == ["openvino"] * 2
    with pytest.raises(SettingsError, match="on the processor, not on cuda"):
        make_engine(MODEL, settings("openvino", "cuda"))


def test_an_engine_that_is_named_and_not_installed_is_one_sentence_with_the_line_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, None)
    with pytest.raises(EngineError) as caught:
        segment(smooth_image((20, 20)), MODEL, settings=settings("openvino"))
    assert INSTALL in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_engine_that_is_named_and_can_not_run_the_model_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, "1.2", Broken)
    with pytest.raises(
        EngineError,
        match=r"can not run this model \(no such processor\)\. Choose the engine torch\.",
    ):
        make_engine(MODEL, settings("openvino"))


def test_auto_falls_back_to_torch_and_says_so_from_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, "1.2", Broken)
    engine = make_engine(MODEL, settings())
    assert engine.kind == "torch"
    assert (
        engine.note == "OpenVINO can not run this model (no such processor). PyTorch runs instead."
    )
    shown: list[Progress] = []
    list(
        stream(
            MODEL,
            plan_job(MODEL.spec, scan_of(smooth_image((20, 20))), settings()),
            on_progress=shown.append,
        )
    )
    assert [progress.note for progress in shown] == [engine.note] * 2


def test_a_device_that_is_not_there_is_no_matter_of_engines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, "1.2")
    with pytest.raises(DeviceError):
        make_engine(MODEL, settings(device="cuda:9"))
