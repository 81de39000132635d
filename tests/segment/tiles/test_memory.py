import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import SettingsError
from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import scan_of
from napari_unet.segment import stream as stream_module
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.speed_cache import MeasuredMemory, save_measurements
from napari_unet.segment.estimate import estimate
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles import lattice as lattice_module
from napari_unet.segment.tiles.lattice import exact_cost
from napari_unet.segment.tiles.lattice import lattice_of as job_lattice
from napari_unet.segment.tiles.memory import (
    RAM_SHARE,
    WINDOW_BYTES,
    EngineMemory,
    core_shape,
    voxel_bytes,
)
from napari_unet.segment.tiles.tiling import Lattice, plan_size, plan_tiles, ways_to_cut

GB = 2**30


class Flat:
    """An engine that costs nothing: every class is as probable as the others, everywhere."""

    name, note, device = "flat", "", "cpu"
    reason, threads, preparing_s = "", None, 0.0
    kind: Kind = "torch"

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        return torch.full((3, *window.shape[1:]), 1 / 3)


def lattice_of(config: UNetConfig, shape: tuple[int, ...], factor: float = 1.0) -> Lattice:
    return Lattice(
        tuple(AxisMap(n, factor) for n in shape), total_strides(config), exact_halo(config)
    )


@pytest.mark.parametrize("ram_gb", [4, 16, 64])
@pytest.mark.parametrize(
    ("config", "shape", "factor"),
    [
        (UNetConfig(width=32, depth=4), (20_000, 20_000), 1.0),
        (UNetConfig(width=16, depth=4), (100, 30_000), 1.0),
        (UNetConfig(dimensions=3, width=16, depth=3), (1000, 1000, 1000), 1.0),
        (UNetConfig(dimensions=3, width=16, depth=3), (24, 2000, 2000), 1.0),
        (UNetConfig(dimensions=2, width=8, depth=2, out_channels=60), (9000, 9000), 1.0),
        (UNetConfig(width=24, depth=4, out_channels=3), (100_000, 100_000), 10.0),
        (UNetConfig(dimensions=3, width=16, depth=3), (24, 2000, 2000), 3.0),
    ],
)
def test_windows_stay_within_the_plan_whatever_the_frame(
    config: UNetConfig, shape: tuple[int, ...], factor: float, ram_gb: int
) -> None:
    lattice = lattice_of(config, shape, factor)
    core = core_shape(config, lattice, EngineMemory(ram_gb * GB))
    plan = plan_tiles(lattice, tuple(slice(0, m.length) for m in lattice.maps), core)
    window = math.prod(part.stop - part.start for part in plan.tiles[0].window)
    assert window * voxel_bytes(config, lattice) <= min(
        WINDOW_BYTES[config.dimensions], RAM_SHARE * ram_gb * GB
    )


def test_a_short_axis_is_taken_whole_and_the_others_gain_by_it() -> None:
    config = UNetConfig(dimensions=3, width=16, depth=3)
    cube = core_shape(config, lattice_of(config, (1000,) * 3), EngineMemory(64 * GB))
    flat = core_shape(config, lattice_of(config, (24, 1000, 1000)), EngineMemory(64 * GB))
    assert flat[0] == 24
    assert flat[1] > 3 * cube[1]


def test_what_was_measured_counts_as_far_as_it_can_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    spec = tiny_spec(width=32, depth=4)
    config = spec.architecture
    job = plan_job(spec, scan_of(np.zeros((20_000, 20_000), np.uint8)), SegmentSettings())
    planned = voxel_bytes(config, job_lattice(job)[0])
    sides = []
    for taken in (0.01, 0.9, 1.2, 9.0):
        save_measurements(config, [], [MeasuredMemory("torch", 21, taken * planned)], fresh=True)
        lattice, core = job_lattice(job)
        window = math.prod(plan_size(lattice, job.region, core)[1])
        found = estimate(job, "torch", "cpu", 64 * GB)
        believed = min(max(taken, 0.75), 2.0)
        assert found.memory_bytes == pytest.approx(window * planned * believed, rel=0.05)
        assert window * planned * believed <= WINDOW_BYTES[2] * 1.05
        sides.append(core)
    assert sides == sorted(sides, reverse=True)
    assert sides[0] > sides[-1]


def test_whether_a_halo_is_exact_does_not_hang_on_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    spec = tiny_spec(3, width=16, depth=3)
    job = plan_job(spec, scan_of(np.zeros((512,) * 3, np.uint8)), SegmentSettings())
    before = exact_cost(job)
    core = job_lattice(job, "torch", 64 * GB)[1]
    save_measurements(spec.architecture, [], [MeasuredMemory("torch", 22, 1e4)], fresh=True)
    assert exact_cost(job) == before
    assert job_lattice(job, "torch", 64 * GB)[1] != core


def test_what_was_measured_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    spec = tiny_spec(3, width=16, depth=3)
    job = plan_job(spec, scan_of(np.zeros((512,) * 3, np.uint8)), SegmentSettings())
    lattice, _ = job_lattice(job, "torch", 64 * GB)
    least = math.prod(
        min(cut.window for cut in ways_to_cut(lattice, axis)) for axis in range(3)
    ) * voxel_bytes(spec.architecture, lattice)
    save_measurements(spec.architecture, [], [MeasuredMemory("torch", 22, 1e4)], fresh=True)
    free = math.ceil(least / 0.59)
    window = plan_size(lattice, job.region, job_lattice(job, "torch", free)[1])[1]
    assert math.prod(window) * voxel_bytes(spec.architecture, lattice) <= least


def test_an_engine_that_takes_less_memory_gets_larger_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = UNetConfig(width=32, depth=4)
    lattice = lattice_of(config, (20_000, 20_000))
    half, usual = (
        core_shape(config, lattice, EngineMemory(16 * GB, kind))
        for kind in ("openvino in half", "torch")
    )
    assert half > usual
    planned: list[object] = []
    monkeypatch.setattr(
        lattice_module, "core_shape", lambda *given: planned.append(given[2].kind) or (16, 16)
    )
    model = tiny_model(tiny_spec(classes=3))
    engine = Flat()
    for engine.kind in ("torch", "openvino"):
        list(
            stream(
                model,
                plan_job(model.spec, scan_of(np.zeros((16, 16))), SegmentSettings()),
                engine=engine,
            )
        )
    assert planned == ["torch", "openvino"]


@pytest.mark.parametrize("net", [{"residual": True}])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_torch_can_not_fuse_takes_more_memory(dimensions: int, net: dict[str, object]) -> None:
    plain, other = (
        UNetConfig.model_validate({"dimensions": dimensions, **more}) for more in ({}, net)
    )
    lattice = lattice_of(plain, (64,) * dimensions)
    assert voxel_bytes(other, lattice, "torch") > voxel_bytes(plain, lattice, "torch")
    assert voxel_bytes(plain, lattice, "torch on a card") == voxel_bytes(other, lattice, "torch")
    assert voxel_bytes(other, lattice, "openvino") == voxel_bytes(plain, lattice, "openvino")


def test_small_frames_are_one_tile() -> None:
    config = UNetConfig(width=16, depth=4)
    assert core_shape(config, lattice_of(config, (700, 512)), EngineMemory(16 * GB)) == (704, 512)


def test_a_tile_that_can_not_fit_is_refused() -> None:
    config = UNetConfig(dimensions=3, width=64, depth=5)
    with pytest.raises(SettingsError, match="fewer poolings"):
        core_shape(config, lattice_of(config, (2000,) * 3), EngineMemory(8 * GB))


def peak_bytes(run: Callable[[], object]) -> int:
    """What a run takes at its peak beside what is taken before it."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    run()
    return status_bytes("VmHWM") - before


def status_bytes(name: str) -> int:
    return (
        int(re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text()).group(1))
        * 2**10
    )


@pytest.mark.skipif(sys.platform != "linux", reason="peaks by Linux's /proc")
def test_a_scan_ten_times_finer_costs_what_is_read_and_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        stream_module, "frame_statistics", lambda *_, **__: FrameStatistics((0.0,), (1.0,))
    )
    model = tiny_model(tiny_spec(classes=3, spacing=(0.1, 0.1)))
    scan = scan_of(np.zeros((3000, 3200), np.float64), spacing=(0.01, 0.01))
    job = plan_job(model.spec, scan, SegmentSettings(keep_probabilities=True))
    lattice = lattice_of(model.spec.architecture, scan.shape, 10.0)
    peak = peak_bytes(lambda: list(stream(model, job, engine=Flat())))
    planned = math.prod(lattice.padded) * voxel_bytes(model.spec.architecture, lattice)
    assert planned / 3 < peak < planned
    with pytest.raises(SettingsError, match="fewer poolings, switch matching the pixel size off"):
        core_shape(model.spec.architecture, lattice, EngineMemory(planned // 400))


def test_a_size_of_tiles_that_can_not_fit_is_refused() -> None:
    config = UNetConfig(width=32, depth=4)
    assert core_shape(config, lattice_of(config, (9000, 9000)), EngineMemory(16 * GB), 1024) == (
        1024,
        1024,
    )
    with pytest.raises(SettingsError, match=r"Tiles of 8192 pixels need .* Choose smaller tiles"):
        core_shape(config, lattice_of(config, (9000, 9000)), EngineMemory(16 * GB), 8192)


def test_the_user_overrules_the_plan() -> None:
    config = UNetConfig(depth=4)
    assert core_shape(
        config, lattice_of(config, (5000, 5000)), EngineMemory(16 * GB), tile_px=100
    ) == (112, 112)
