"""OpenVINO gives what torch gives, tiles are whole within it, it can be stopped within a window,
and nothing leaves the machine.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from helpers.engines import on
from helpers.failing import MEMORY_ERRORS
from helpers.laws import WHOLE, Case, assert_same, cases, run
from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled, EngineError, NotEnoughMemoryError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, GetControl, Stopped
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.kinds import openvino_version
from napari_unet.segment.engine.out_of_memory import is_out_of_memory
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.stream import Focus
from napari_unet.segment.tiles import lattice as lattice_module
from napari_unet.widgets.jobs.job import explain

pytestmark = pytest.mark.skipif(openvino_version() is None, reason="OpenVINO is not installed")
if openvino_version() is not None:
    from napari_unet.segment.engine import openvino_engine
    from napari_unet.segment.engine.openvino_engine import OpenVinoEngine, run_request

ACROSS = 1e-4
NETS: list[dict[str, object]] = [
    {},
    {"depth": 0},
    {"depth": 3, "width": 8},
    {"residual": True},
    {"norm": "instance"},
    {"norm": "none"},
    {"norm": "instance", "residual": True},
    {"strides": ((1, 2), (3, 1))},
    {"head_levels": "every"},
    {"head_levels": "every", "strides": ((1, 2), (3, 1))},
    {"head_levels": "every", "depth": 3, "norm": "instance"},
    {"head_levels": "every", "depth": 0},
    {"dropout": 0.5},
]


def model_of(dimensions: int = 2, **net: object) -> Model:
    if dimensions == 3 and "strides" in net:
        net = {"strides": ((1, 2, 2), (2, 3, 1))}
    return tiny_model(tiny_spec(dimensions, channels=2, classes=3, **net))


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("net", NETS)
def test_every_kind_of_network_gives_what_torch_gives(
    dimensions: int, net: dict[str, object]
) -> None:
    network = model_of(dimensions, **net).network
    window = smooth((2, *(29, 34, 25)[:dimensions]), 3)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(window)[None]).softmax(dim=1)[0].numpy()
    engine = OpenVinoEngine(network)
    found = on(engine, window)
    assert (found.dtype, found.shape) == (np.float32, wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ACROSS)
    np.testing.assert_array_equal(on(engine, window), found)


@given(cases())
def test_both_engines_give_the_same(case: Case) -> None:
    by_torch, labels, _ = run(case, case.tile_px, case.focus)
    by_openvino, labels_too, _ = run(replace(case, engine="openvino"), case.tile_px, case.focus)
    assert_same(by_openvino, by_torch, labels_too, labels, ACROSS)


@given(cases())
def test_tiled_is_whole_within_openvino(case: Case) -> None:
    case = replace(case, engine="openvino")
    whole, whole_labels, _ = run(case, WHOLE)
    tiled, tiled_labels, _ = run(case, case.tile_px, case.focus)
    assert_same(tiled, whole, tiled_labels, whole_labels)


@pytest.mark.parametrize(("dimensions", "classes"), [(2, 2), (2, 3), (3, 3)])
def test_of_ten_thousand_labels_at_most_one_differs_between_engines(
    dimensions: int, classes: int
) -> None:
    side, depth = {2: (400, 2), 3: (40, 1)}[dimensions]
    case = Case(
        tiny_spec(dimensions, depth=depth, classes=classes),
        scan_of(smooth_image((side,) * dimensions)),
        128,
        Focus((), ()),
    )
    by_torch, labels, _ = run(case, WHOLE)
    by_openvino, labels_too, _ = run(replace(case, engine="openvino"), WHOLE)
    assert np.bincount(labels.ravel(), minlength=classes).min() >= labels.size / 5
    assert (labels != labels_too).mean() <= 1e-4
    assert 0 < np.abs(by_openvino - by_torch).max() <= ACROSS  # not the same engine twice


def test_twin_a_halo_too_small_breaks_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(
        tiny_spec(classes=3),
        scan_of(smooth_image((128, 128))),
        16,
        Focus((), (0.0, 0.0)),
        "openvino",
    )
    whole, labels, _ = run(case, WHOLE)
    monkeypatch.setattr(lattice_module, "exact_halo", lambda config: (0, 0))
    broken, broken_labels, _ = run(case, 16)
    with pytest.raises(AssertionError):
        assert_same(broken, whole, broken_labels, labels)


def test_the_computation_is_float32_and_the_name_says_what_ran() -> None:
    engine = OpenVinoEngine(model_of().network)
    on(engine, smooth((2, 32, 32)))
    (*_, compiled) = engine._compiled.values()
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert engine.name == f"openvino {openvino_version()} on cpu"
    assert (engine.kind, engine.note) == ("openvino", "")


def test_each_shape_is_compiled_once_and_few_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_of()
    engine = OpenVinoEngine(model.network)
    plain = TorchEngine(model.network)
    compiled: list[int] = []
    compile_model = openvino_engine.openvino.Core.compile_model
    monkeypatch.setattr(
        openvino_engine.openvino.Core,
        "compile_model",
        lambda *given: compiled.append(1) or compile_model(*given),
    )
    counts = []
    for shape in [(32, 32), (64, 32), (32, 32), (16, 48), (32, 32), (64, 64), (64, 32)]:
        window = smooth((2, *shape))
        np.testing.assert_allclose(on(engine, window), on(plain, window), rtol=0, atol=ACROSS)
        counts.append(len(compiled))
        assert len(engine._compiled) <= openvino_engine.MOST_SHAPES
    assert counts == [1, 2, 2, 3, 3, 4, 5]


class Slow:
    """A request that is never done before it is cancelled; waiting for it then raises, as for
    OpenVINO's.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start_async(self) -> None:
        self.calls.append("start")

    def wait_for(self, milliseconds: int) -> bool:
        assert milliseconds <= 100
        self.calls.append("wait_for")
        return False

    def cancel(self) -> None:
        self.calls.append("cancel")

    def wait(self) -> None:
        self.calls.append("wait")
        raise RuntimeError("Infer Request was canceled")


def after(count: int, answer: Control) -> GetControl:
    answers = iter([Control.CONTINUE] * count)
    return lambda: next(answers, answer)


@pytest.mark.parametrize(
    ("answer", "error"), [(Control.STOP, Stopped), (Control.CANCEL, Cancelled)]
)
def test_control_is_read_every_tenth_of_a_second_and_ends_the_request(
    answer: Control, error: type[Exception]
) -> None:
    request = Slow()
    with pytest.raises(error):
        run_request(request, after(3, answer))
    assert request.calls == ["start", *["wait_for"] * 4, "cancel", "wait"]


def test_an_interrupt_lets_go_of_the_arrays_too() -> None:
    def interrupt() -> Control:
        raise KeyboardInterrupt

    request = Slow()
    with pytest.raises(KeyboardInterrupt):
        run_request(request, interrupt)
    assert request.calls[-2:] == ["cancel", "wait"]


@pytest.mark.parametrize(
    ("answer", "error"), [(Control.STOP, Stopped), (Control.CANCEL, Cancelled)]
)
def test_a_window_is_left_in_the_middle(
    monkeypatch: pytest.MonkeyPatch, answer: Control, error: type[Exception]
) -> None:
    monkeypatch.setattr(openvino_engine, "ASK_MS", 0)
    engine = OpenVinoEngine(model_of(width=16).network)
    window = smooth((2, 192, 192))
    wanted = on(engine, window)
    with pytest.raises(error):
        on(engine, window, after(2, answer))
    np.testing.assert_array_equal(on(engine, window), wanted)


def fails(*_: object) -> None:
    raise RuntimeError(
        "Exception from src/inference/src/cpp/core.cpp:117:\nUnsupported processor.\n\n"
    )


def test_what_can_not_be_compiled_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine.openvino.Core, "compile_model", fails)
    with pytest.raises(
        EngineError, match=r"^OpenVINO can not run this model \(Unsupported processor\)\.$"
    ):
        OpenVinoEngine(model_of().network)


def test_a_result_that_is_not_torchs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = openvino_engine.graph_of(model_of().network)
    monkeypatch.setattr(openvino_engine, "graph_of", lambda network: graph)
    OpenVinoEngine(model_of().network)
    with pytest.raises(EngineError, match="its result is not PyTorch's"):
        OpenVinoEngine(tiny_model(tiny_spec(channels=2, classes=3), seed=1).network)


def test_a_failure_within_a_window_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = OpenVinoEngine(model_of().network)
    monkeypatch.setattr(openvino_engine, "run_request", fails)
    with pytest.raises(
        EngineError, match=r"^OpenVINO failed \(Unsupported processor\)\."
    ) as caught:
        on(engine, smooth((2, 32, 32)))
    assert (
        explain(caught.value) == "OpenVINO failed (Unsupported processor). Choose the engine torch."
    )


@pytest.mark.parametrize("library", ["OpenVINO", "OpenVINO, Windows", "numpy"])
def test_a_window_that_memory_is_not_enough_for_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    engine = OpenVinoEngine(model_of().network)

    def run_out(*_: object) -> None:
        raise MEMORY_ERRORS[library]()

    monkeypatch.setattr(openvino_engine, "run_request", run_out)
    with pytest.raises(NotEnoughMemoryError, match=r"^The memory of this computer was not enough"):
        on(engine, smooth((2, 32, 32)))


def test_too_large_a_window_is_an_error_of_memory() -> None:
    engine = OpenVinoEngine(model_of(width=32).network)
    with pytest.raises(RuntimeError) as caught:
        engine._ready((2**20, 2**20))
    assert is_out_of_memory(caught.value)


PRIVATE = """
import os, sys
OUT = (
    "socket.connect", "socket.sendto", "socket.getaddrinfo", "urllib.Request",
    "subprocess.Popen", "os.fork", "os.posix_spawn",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
seen = []

def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if event in OUT or event == "os.mkdir" or writes:
        seen.append((event, arguments))
    if event in OUT:
        raise PermissionError(event)

sys.addaudithook(hook)
import threading
import torch
from napari_unet.segment.engine.openvino_engine import OpenVinoEngine
from napari_unet.model.config import UNetConfig
from napari_unet.model.unet import UNet
OpenVinoEngine(UNet(UNetConfig(width=4, depth=1)).eval()).run(torch.zeros(1, 16, 16))
assert "openvino" in sys.modules
assert not seen, seen
assert threading.enumerate() == [threading.main_thread()]
assert sys.modules["openvino_telemetry"] is None
"""


def test_nothing_is_sent_nor_written(tmp_path: Path) -> None:
    names = (
        "HOME",
        "USERPROFILE",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "APPDATA",
        "LOCALAPPDATA",
        "TMPDIR",
    )
    own = os.environ | dict.fromkeys(names, str(tmp_path)) | {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", PRIVATE],
        cwd=tmp_path,
        env=own,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert list(tmp_path.rglob("*")) == []
