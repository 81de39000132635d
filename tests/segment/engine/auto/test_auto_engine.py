"""The engine that measurements choose: real windows, clocks and speeds that are given."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.failing import Failing, broken
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.errors import OutputError
from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.auto import auto_engine, decision
from napari_unet.segment.engine.auto.auto_engine import AutoEngine, Makers, choose_runner
from napari_unet.segment.engine.auto.figures import Figures
from napari_unet.segment.engine.auto.runners import PLAIN, Workload, runner_of
from napari_unet.segment.engine.auto.threads import ThreadChoice
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.identity import begun_engine
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.work import work_of

MODEL = tiny_model(tiny_spec())
NET = MODEL.spec.architecture
IMAGE = smooth_image((60, 70))
WORK = Workload((32, 32), 40)
CPU = SegmentSettings(device="cpu", tile_px=32)


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(decision, "TRIED_FROM_S", 0.4)
    monkeypatch.setattr(decision, "TRIAL_SHARE", 0.05)


class Scripted:
    """Torch under the name of another engine, whose windows take as long as is said."""

    note = ""
    reason = ""
    threads = None
    device = "cpu"

    def __init__(self, clock: "Clock", name: str, seconds: float, compile_s: float = 0.0) -> None:
        self.name = f"{name} 1.2 on cpu"
        self.kind = name
        self.preparing_s = 0.0
        self.threads: list[int] = []
        self._clock = clock
        self._seconds = seconds
        self._compile_s = compile_s
        self._engine = TorchEngine(MODEL.network)

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if not self.preparing_s:
            self.preparing_s = self._compile_s
            self._clock.now += self._compile_s
        self._clock.now += self._seconds
        self.threads.append(torch.get_num_threads())
        return self._engine.run(window, control)

    def fall_back(self) -> bool:
        return False


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(auto_engine, "time", SimpleNamespace(perf_counter=found))
    return found


def figures() -> Figures:
    return Figures(NET, WORK, "float32")


def engine_of(running: Scripted, clock: Clock, crowded: bool = False) -> AutoEngine:
    known = figures()
    threads = ThreadChoice(2, lambda: crowded, lambda n: known.voxel_seconds("torch", n))
    return AutoEngine(running, known, threads, ("torch", "openvino"), clock)  # type: ignore[arg-type]


def test_windows_are_measured_without_what_prepares_for_them(clock: Clock) -> None:
    engine = engine_of(Scripted(clock, "openvino", 0.5, compile_s=7.0), clock)
    engine.run(torch.zeros(1, 32, 32))
    assert figures().best("openvino", (2, 1)) == pytest.approx(0.5 / 1024)


def test_the_reason_names_engine_threads_and_what_it_was_compared_with(clock: Clock) -> None:
    engine = engine_of(Scripted(clock, "torch", 0.61), clock)
    assert engine.reason == ""
    engine.run(torch.zeros(1, 32, 32))
    assert engine.reason == (
        "torch, 2 threads: 0.61 s a window, measured just now; nothing else is measured here yet."
    )
    figures().take("openvino", 2, 0.87 / 1024)
    known = engine_of(Scripted(clock, "torch", 0.61), clock)
    known.run(torch.zeros(1, 32, 32))
    before, after = known.reason.split(", measured ")
    assert before == "torch, 2 threads: 0.61 s a window against 0.87 s by OpenVINO"
    assert after.startswith("on 2")


def test_threads_are_those_that_are_fast_now_and_those_from_before_at_the_end(
    clock: Clock,
) -> None:
    before = torch.get_num_threads()
    running = Scripted(clock, "torch", 0.1)
    engine = engine_of(running, clock, crowded=True)
    engine.run(torch.zeros(1, 32, 32))
    assert running.threads == [1]
    assert engine.reason.startswith("torch, 1 thread: ")
    assert torch.get_num_threads() == before


def test_the_small_tile_that_comes_first_is_not_measured(clock: Clock) -> None:
    engine = engine_of(Scripted(clock, "torch", 0.1), clock)
    engine.run(torch.zeros(1, 32, 32))
    engine.run(torch.zeros(1, 16, 16))
    assert figures().best("torch", (2, 1)) == pytest.approx(0.1 / 1024)


def test_a_window_of_another_size_leaves_no_figure(clock: Clock) -> None:
    engine_of(Scripted(clock, "torch", 0.1), clock).run(torch.zeros(1, 64, 64))
    assert figures().best("torch", (2, 1)) is None


def makers(clock: Clock, torch_s: float, openvino_s: float) -> Makers:
    def maker(name: str, seconds: float) -> Callable[[], Engine]:
        return lambda: Scripted(clock, name, seconds)  # type: ignore[return-value]

    return {"torch": maker("torch", torch_s), "openvino": maker("openvino", openvino_s)}


@pytest.mark.parametrize(
    ("torch_s", "openvino_s", "runner"), [(0.6, 0.87, "torch"), (0.87, 0.6, "openvino")]
)
def test_a_long_run_measures_and_takes_the_faster(
    clock: Clock, torch_s: float, openvino_s: float, runner: str
) -> None:
    made = makers(clock, torch_s, openvino_s)
    assert choose_runner(made, NET, figures(), WORK, (2, 1)) == runner
    spent = clock.now
    assert choose_runner(made, NET, figures(), WORK, (2, 1)) == runner
    assert clock.now == spent  # known by now


def test_on_a_busy_machine_engines_are_compared_by_one_thread(clock: Clock) -> None:
    known = figures()
    for runner, two, one in (("torch", 1e-6, 4e-6), ("openvino", 2e-6, 3e-6)):
        known.take(runner, 2, two)  # type: ignore[arg-type]
        known.take(runner, 1, one)  # type: ignore[arg-type]
    made = makers(clock, 1, 1)
    assert choose_runner(made, NET, known, WORK, (2, 1)) == "torch"
    assert choose_runner(made, NET, known, WORK, (1, 2)) == "openvino"


def test_a_busy_machine_tries_what_one_thread_of_an_engine_does(clock: Clock) -> None:
    one_window = Workload((32, 32), 1)
    known = Figures(NET, one_window, "float32")
    known.take("torch", 1, 2.0 / 1024)
    assert choose_runner(makers(clock, 1, 1), NET, known, one_window, (1, 2)) == "openvino"
    known.take("openvino", 1, 3.0 / 1024)
    assert choose_runner(makers(clock, 1, 1), NET, known, one_window, (1, 2)) == "torch"


def test_on_a_busy_machine_of_which_only_quiet_figures_are_known_these_count(clock: Clock) -> None:
    one_window = Workload((32, 32), 1)
    known = Figures(NET, one_window, "float32")
    known.take("torch", 2, 3e-6)
    known.take("openvino", 2, 2e-6)
    made = makers(clock, 1, 1)
    assert choose_runner(made, NET, known, one_window, (1, 2)) == "openvino"


def test_what_can_not_run_the_model_is_not_taken(clock: Clock) -> None:
    fallen = FallbackEngine(Scripted(clock, "torch", 0.1), lambda note: TorchEngine(MODEL.network))  # type: ignore[arg-type]
    for other in (lambda: Failing(MODEL, broken), lambda: fallen):
        made: Makers = {**makers(clock, 0.6, 0.1), "openvino": other}  # type: ignore[dict-item]
        assert choose_runner(made, NET, figures(), WORK, (2, 1)) == "torch"
        assert figures().best("openvino", (2, 1)) is None


def test_the_form_without_fused_operators_says_the_same_under_a_name_of_its_own() -> None:
    fused, plain = TorchEngine(MODEL.network), TorchEngine(MODEL.network, fused=False)
    window = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(fused.run(window), plain.run(window), atol=1e-5)
    assert plain.name == f"{fused.name} {PLAIN}"
    assert (runner_of(fused.name), runner_of(plain.name)) == ("torch", "plain torch")
    assert runner_of("torch 2.13.0 on cuda:0") is None


def run_into(outputs: Outputs, policy: ResumePolicy, most: int) -> str:
    """Compute some tiles, and name the engine that computed them."""
    job = plan_job(MODEL.spec, scan_of(IMAGE), CPU)
    engine = make_engine(MODEL, CPU, work_of(job), begun_engine(outputs.labels))
    with resumable_run(MODEL, job, outputs, policy, engine) as run:
        for count, tile in enumerate(stream(MODEL, run.job, engine=engine)):  # type: ignore[union-attr]
            if count == most:
                raise KeyboardInterrupt
            run.take(tile)
    return engine.name


def test_a_resumed_run_and_a_part_keep_the_engine_whatever_is_faster_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "plain torch")
    with pytest.raises(KeyboardInterrupt):
        run_into(outputs, ResumePolicy(), 2)
    assert PLAIN in begun_engine(outputs.labels)
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "torch")
    assert PLAIN in run_into(outputs, ResumePolicy(resume=True), 99)
    assert PLAIN not in run_into(Outputs(tmp_path / "b.zarr"), ResumePolicy(), 99)


def test_an_explicit_engine_that_is_not_that_of_the_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "plain torch")
    with pytest.raises(KeyboardInterrupt):
        run_into(outputs, ResumePolicy(), 2)
    settings = CPU.model_copy(update={"engine": "torch"})
    job = plan_job(MODEL.spec, scan_of(IMAGE), settings)
    engine = make_engine(MODEL, settings, work_of(job), begun_engine(outputs.labels))
    again = ResumePolicy(resume=True)
    with (
        pytest.raises(OutputError, match="begun with another engine"),
        resumable_run(MODEL, job, outputs, again, engine),
    ):
        pytest.fail("begun")


def test_a_segmentation_restores_the_number_of_threads_and_says_why_it_ran_so() -> None:
    before = torch.get_num_threads()
    job = plan_job(MODEL.spec, scan_of(IMAGE), CPU)
    tiles = list(stream(MODEL, job))
    assert torch.get_num_threads() == before
    assert tiles[-1].engine_reason.startswith("torch, ")
    labels = segment(IMAGE, MODEL, settings=CPU)
    named = segment(IMAGE, MODEL, settings=CPU.model_copy(update={"engine": "torch"}))
    np.testing.assert_array_equal(labels, named)
