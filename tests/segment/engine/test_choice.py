"""Which engine is chosen, and the note where that is not the wanted one. OpenVINO need not be
installed.
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.devices import Device
from napari_unet.errors import DeviceError, EngineError, SettingsError
from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, Progress, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.auto.figures import Figures
from napari_unet.segment.engine.auto.runners import PLAIN, Workload
from napari_unet.segment.engine.choice import engines_to_compare, make_engine
from napari_unet.segment.engine.kinds import Kind, Precision
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.stream import stream

MODEL = tiny_model(tiny_spec())
WORK = Workload((32, 32), 1)
TORCH = f"torch {torch.__version__} on cpu"
DOOR = "napari_unet.segment.engine.openvino_engine"
INSTALL = "pip install 'napari-unet-loop[openvino]'"


class Fake:
    """Stands for OpenVINO's engine."""

    name = "openvino 1.2 on cpu"
    note = ""
    reason = ""
    threads = None
    preparing_s = 0.0
    device = "cpu"
    kind: Kind = "openvino"

    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        self._engine = TorchEngine(network)

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        return self._engine.run(window, control)


class Broken(Fake):
    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        raise EngineError("OpenVINO can not run this model (no such processor).")


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def put_openvino(monkeypatch: pytest.MonkeyPatch, version: str | None, engine: type = Fake) -> None:
    module = ModuleType(DOOR)
    module.OpenVinoEngine = engine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, DOOR, module)
    monkeypatch.setattr(choice, "openvino_version", lambda: version)


def settings(engine: str = "auto", device: str = "cpu") -> SegmentSettings:
    return SegmentSettings.model_validate({"engine": engine, "device": device})


def openvino_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "openvino")


def test_auto_takes_what_is_measured_to_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    known = Figures(MODEL.spec.architecture, WORK, "float32")
    known.take("torch", torch.get_num_threads(), 3e-6)
    known.take("openvino", torch.get_num_threads(), 2e-6)
    assert make_engine(MODEL, settings(), WORK).name == "openvino 1.2 on cpu"
    known.take("torch", torch.get_num_threads(), 1e-6)
    assert make_engine(MODEL, settings(), WORK).kind == "torch"


def test_auto_takes_torch_where_openvino_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, None)
    assert make_engine(MODEL, settings(), WORK).kind == "torch"


def test_a_run_keeps_the_engine_that_it_was_begun_with(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    for begun in ("openvino 1.2 on cpu", f"torch {torch.__version__} on cpu {PLAIN}", TORCH):
        assert make_engine(MODEL, settings(), WORK, begun).name == begun


def test_a_begun_engine_that_is_not_there_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, None)
    with pytest.raises(EngineError, match=r"begun with openvino 1\.2 on cpu, which is not"):
        make_engine(MODEL, settings(), WORK, "openvino 1.2 on cpu")


def test_a_named_engine_wins_over_what_was_measured_and_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_openvino(monkeypatch, "1.2")
    openvino_is_faster(monkeypatch)
    assert make_engine(MODEL, settings("torch"), WORK, "openvino 1.2 on cpu").name == TORCH


def test_all_engines_that_auto_may_take_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    names = [engine.name for engine in engines_to_compare(MODEL, settings(), WORK)]
    assert names == [TORCH, "openvino 1.2 on cpu", f"{TORCH} {PLAIN}"]
    named = [engine.name for engine in engines_to_compare(MODEL, settings("torch"), WORK)]
    assert named == [TORCH]


def test_auto_takes_torch_on_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    put_openvino(monkeypatch, "1.2")
    monkeypatch.setattr(
        choice, "find_devices", lambda: [Device("meta", "Card"), Device("cpu", "Processor")]
    )
    made = []
    monkeypatch.setattr(choice, "TorchEngine", lambda network, device, *_: made.append(device))
    make_engine(MODEL, settings(device="auto"))
    assert made == ["meta"]
    openvino_is_faster(monkeypatch)
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
    openvino_is_faster(monkeypatch)
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
