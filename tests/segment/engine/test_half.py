"""Half precision: near float32, tiles are whole within it, and a note says where a processor has
none.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from helpers.engines import on
from helpers.laws import WHOLE, Case, assert_same, cases, run
from helpers.tiny import smooth, tiny_model, tiny_spec
from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine import half, torch_engine
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.half import half_on
from napari_unet.segment.engine.kinds import NO_HALF, kind_for, openvino_version
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.memory import voxel_bytes

CLOSE = 1e-2
MODEL = tiny_model(tiny_spec(classes=3))
SOME_HALF = pytest.mark.skipif(half_on("cpu") is None, reason="no instructions for half precision")
ENGINES = [
    "torch",
    pytest.param(
        "openvino",
        marks=pytest.mark.skipif(openvino_version() is None, reason="OpenVINO is not installed"),
    ),
]


@SOME_HALF
@pytest.mark.parametrize("engine", ENGINES)
@given(case=cases())
def test_tiled_is_whole_within_it(engine: str, case: Case) -> None:
    case = replace(case, engine=engine, precision="half")
    whole, labels, _ = run(case, WHOLE)
    tiled, tiled_labels, _ = run(case, case.tile_px, case.focus)
    assert_same(tiled, whole, tiled_labels, labels, CLOSE)


@SOME_HALF
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "net", [{}, {"residual": True}, {"norm": "none"}, {"head_levels": "every"}]
)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_is_near_float32_but_not_the_same(
    engine: str, net: dict[str, object], dimensions: int
) -> None:
    model = tiny_model(tiny_spec(dimensions, classes=3, **net))
    window = smooth((1, *(64, 48, 16)[-dimensions:]), 2)
    finer, coarser = (
        make_engine(
            model,
            SegmentSettings.model_validate(
                {"engine": engine, "device": "cpu", "precision": precision}
            ),
        )
        for precision in ("float32", "half")
    )
    expected = on(finer, window)
    found = on(coarser, window)
    assert found.dtype == np.float32
    assert 1e-6 < np.abs(found - expected).max() < 0.1
    assert np.abs(found - expected).mean() < CLOSE
    assert (found.argmax(axis=0) != expected.argmax(axis=0)).mean() < 0.05
    assert coarser.name.endswith((" in bfloat16", " in float16"))
    assert (finer.kind, coarser.kind) == (engine, f"{engine} in half")
    assert coarser.note == ""


@SOME_HALF
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("net", [{}, {"residual": True}])
def test_one_slice_of_a_volume_is_what_it_is(channels: int, net: dict[str, object]) -> None:
    network = tiny_model(tiny_spec(3, depth=0, channels=channels, classes=3, **net)).network
    finer = TorchEngine(network)
    coarser = TorchEngine(network, precision="half")
    for number in range(20):
        window = smooth((channels, 1, 7 + number, 12), number)
        torch.full((1000 * number + 1,), np.nan)  # what memory may hold from before
        np.testing.assert_allclose(on(coarser, window), on(finer, window), rtol=0, atol=0.1)


def test_a_processor_without_it_runs_float32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "half_on", lambda device: None)
    plain = TorchEngine(MODEL.network)
    engine = TorchEngine(MODEL.network, precision="half")
    window = smooth((1, 64, 48), 2)
    np.testing.assert_array_equal(on(engine, window), on(plain, window))
    assert (engine.name, engine.kind, engine.note) == (plain.name, plain.kind, NO_HALF)
    assert (
        TorchEngine(MODEL.network, note="So it is.", precision="half").note
        == f"So it is. {NO_HALF}"
    )


@pytest.mark.skipif(openvino_version() is None, reason="OpenVINO is not installed")
def test_openvino_without_it_runs_float32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.segment.engine import openvino_engine

    real = openvino_engine.openvino.Core
    old = lambda core, *names: (  # noqa: E731
        ["FP32"] if "OPTIMIZATION_CAPABILITIES" in names else real.get_property(core, *names)
    )
    monkeypatch.setattr(
        openvino_engine.openvino, "Core", type("OldCore", (real,), {"get_property": old})
    )
    engine = openvino_engine.OpenVinoEngine(MODEL.network, "half")
    assert (engine.kind, engine.note) == ("openvino", NO_HALF)
    assert engine.name == f"openvino {openvino_version()} on cpu"


def test_which_half_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert half_on("cuda:0") == half_on("mps") == torch.float16
    for answer in (True, False):
        monkeypatch.setattr(half, "computes_bfloat16", lambda device, answer=answer: answer)
        assert half_on("cpu") == (torch.bfloat16 if answer else None)


def test_it_takes_less_memory_and_the_result_names_it() -> None:
    job = plan_job(
        MODEL.spec, scan_of(np.zeros((640, 640), np.uint8)), SegmentSettings(precision="half")
    )
    lattice, _ = lattice_of(job)
    for device in ("cpu", "cuda:0"):
        finer, coarser = (
            kind_for("torch", device, False, precision) for precision in ("float32", "half")
        )
        assert voxel_bytes(MODEL.spec.architecture, lattice, coarser) < voxel_bytes(
            MODEL.spec.architecture, lattice, finer
        )
    engine = TorchEngine(MODEL.network, precision="half")
    facts = run_facts(MODEL, job, engine)
    assert (facts["settings"]["precision"], facts["precision"]) == (
        "half",
        "half" if engine.kind == "torch in half" else "float32",
    )


@SOME_HALF
def test_intensities_too_far_apart_are_an_error() -> None:
    image = np.tile(np.arange(64, dtype=np.float32), (64, 1)) / 64
    image[30, 30] = 3e35  # 3e38 when it is normalised
    job = plan_job(
        MODEL.spec, scan_of(image), SegmentSettings(device="cpu", engine="torch", precision="half")
    )
    job = replace(job, statistics={(): FrameStatistics((0.0,), (1e-3,))})
    with pytest.raises(EngineError, match="too far apart for half precision"):
        list(stream(MODEL, job))
    list(stream(MODEL, replace(job, scan=scan_of(np.clip(image, 0, 1)))))
