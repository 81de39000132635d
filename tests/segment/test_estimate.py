"""The estimate of a run: memory by its plan, time by the speed of earlier runs."""

import json
import math
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.failing import Failing, broken, failing_over, full
from helpers.tiny import tiny_model, tiny_spec
from napari_unet import SegmentSettings
from napari_unet.errors import EngineError
from napari_unet.files import cache
from napari_unet.model.config import UNetConfig
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment import probe
from napari_unet.segment.engine import speed_cache, timed_engine
from napari_unet.segment.engine.kinds import size_of
from napari_unet.segment.engine.speed_cache import (
    MeasuredSpeed,
    cache_file,
    known_voxel_seconds,
    save_measurements,
)
from napari_unet.segment.engine.timed_engine import timed
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.estimate import Estimate, estimate
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.probe import with_seconds
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.memory import voxel_bytes
from napari_unet.segment.tiles.tiling import plan_size, plan_tiles, window_voxels

GB = 2**30
SPEC_OF_TWO = tiny_spec(channels=2)
MODEL = tiny_model(tiny_spec())
NET = MODEL.spec.architecture
DAMAGES = [
    "",
    "torn {",
    "[1, 2]",
    "null",
    '{"unet": 3}',
    "[" * 100_000,
    '{"a": {"18": "fast", "x": 1.0}}',
]


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


def job(shape: tuple[int, ...] = (3, 300, 400), **settings: object) -> SegmentJob:
    return plan_job(
        MODEL.spec,
        scan_of(np.zeros(shape, np.uint8)),
        SegmentSettings.model_validate({"tile_px": 64, **settings}),
    )


def test_memory_and_tiles_are_those_of_the_plan() -> None:
    found = estimate(job(), "torch", "cpu", 16 * GB)
    lattice, core_px = lattice_of(job())
    plan = plan_tiles(lattice, job().region, core_px)
    assert found.memory_bytes == window_voxels(plan) * voxel_bytes(NET, lattice)
    assert (found.tiles, found.seconds) == (3 * len(plan.tiles), None)
    assert plan_size(lattice, job().region, core_px) == (len(plan.tiles), found.window)
    some = replace(job(), wanted=lambda frame, region: frame == (1,) and region[0].start == 0)
    assert 0 < estimate(some, "torch", "cpu", 16 * GB).tiles < len(plan.tiles)


def test_less_free_memory_means_smaller_tiles() -> None:
    large = plan_job(MODEL.spec, scan_of(np.zeros((9000, 9000), np.uint8)), SegmentSettings())
    roomy, scarce = (estimate(large, "torch", "cuda:0", free) for free in (16 * GB, GB // 2))
    assert scarce.memory_bytes < roomy.memory_bytes / 4
    assert scarce.tiles > roomy.tiles


@pytest.mark.alone
def test_a_run_measures_what_the_next_estimate_says() -> None:
    with timed(TorchEngine(MODEL.network), NET) as engine:
        begun = time.monotonic()
        list(stream(MODEL, job(), engine=engine))
        took = time.monotonic() - begun
    found = estimate(job(), "torch", "cpu", 16 * GB)
    assert found.seconds is not None
    assert took / 4 < found.seconds < took * 4
    assert estimate(job(), "openvino", "cpu", 16 * GB).seconds is None
    assert estimate(job(), "torch", "cuda:0", 16 * GB).seconds is None


def test_a_run_that_ends_early_and_two_engines_are_measured_too() -> None:
    with pytest.raises(EngineError), timed(Failing(MODEL, broken, good=2), NET) as engine:
        list(stream(MODEL, job(), engine=engine))
    known = estimate(job(), "openvino", "cpu", 16 * GB)
    assert known.seconds is not None
    with timed(failing_over(MODEL, 2), NET) as engine:
        list(stream(MODEL, job(), engine=engine))
    assert estimate(job(), "torch", "cpu", 16 * GB).seconds is not None


def test_the_median_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 103.0, 105.0])
    monkeypatch.setattr(timed_engine, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with timed(TorchEngine(MODEL.network), NET) as engine:
        for _ in range(4):
            engine.run(torch.zeros(1, 16, 16))
    assert known_voxel_seconds(NET, "torch", "cpu", 256) == 2.0 / 256


def test_windows_of_another_size_are_another_matter() -> None:
    save_measurements(
        NET, [MeasuredSpeed("torch", "cpu", 10, 1e-6), MeasuredSpeed("torch", "cpu", 20, 3e-6)]
    )
    assert [known_voxel_seconds(NET, "torch", "cpu", 2**n) for n in (7, 8, 12, 13, 18, 22)] == [
        None,
        1e-6,
        1e-6,
        None,
        3e-6,
        3e-6,
    ]
    assert known_voxel_seconds(UNetConfig(width=5), "torch", "cpu", 2**10) is None
    assert size_of(2**10 - 3) == 10


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
def test_the_cache_is_private() -> None:
    save_measurements(NET, [MeasuredSpeed("torch", "cpu", 10, 1e-6)])
    assert stat.S_IMODE(cache_file().stat().st_mode) == 0o600
    cache_file().chmod(0o644)
    save_measurements(NET, [MeasuredSpeed("torch", "cpu", 10, 1e-6)])
    assert stat.S_IMODE(cache_file().stat().st_mode) == 0o600
    assert list(cache_file().parent.iterdir()) == [cache_file()]


def test_the_latest_are_saved_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_cache, "MOST_SETUPS", 3)
    for width in (1, 2, 3, 1, 4):
        save_measurements(UNetConfig(width=width), [MeasuredSpeed("torch", "cpu", 10, 1e-6)])
    known = [
        width
        for width in (1, 2, 3, 4)
        if known_voxel_seconds(UNetConfig(width=width), "torch", "cpu", 2**10) is not None
    ]
    assert known == [1, 3, 4]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_as_none(damage: str) -> None:
    cache_file().parent.mkdir()
    cache_file().write_text(damage)
    assert estimate(job(), "torch", "cpu", 16 * GB).seconds is None
    save_measurements(NET, [MeasuredSpeed("torch", "cpu", 10, 1e-6)])
    assert known_voxel_seconds(NET, "torch", "cpu", 2**10) == 1e-6
    json.loads(cache_file().read_text())


@pytest.mark.parametrize("value", ['"fast"', "-1.0", "0.0", "NaN", "1e999", "null", "true"])
def test_a_speed_that_is_none_is_left_out(value: str) -> None:
    save_measurements(NET, [MeasuredSpeed("torch", "cpu", 10, 1e-6)])
    cache_file().write_text(cache_file().read_text().replace("1e-06", value))
    assert value in cache_file().read_text()
    assert known_voxel_seconds(NET, "torch", "cpu", 2**10) is None


def test_a_cache_that_can_not_be_written_keeps_no_run_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with timed(TorchEngine(MODEL.network), NET) as engine:
        list(stream(MODEL, job(), engine=engine))
    assert known_voxel_seconds(NET, "torch", "cpu", 2**14) is None


class Slow:
    """An engine whose windows take a while, by its own clock."""

    name = "slow"
    kind = "torch"
    note = ""
    reason = ""
    threads = None
    preparing_s = 0.0
    device = "cpu"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.shapes = []
        monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: self.now))

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        self.now += 0.5
        self.shapes.append(tuple(window.shape))
        return window


def test_a_tile_is_tried_where_the_run_has_many_and_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = Estimate(10, 40, (32, 48))
    engine = Slow(monkeypatch)
    assert with_seconds(many, engine, SPEC_OF_TWO).seconds == 20
    assert engine.shapes == [(2, 32, 48)]
    assert with_seconds(replace(many, seconds=3.0), engine, SPEC_OF_TWO).seconds == 3
    assert with_seconds(replace(many, tiles=4), engine, SPEC_OF_TWO).seconds is None
    assert len(engine.shapes) == 1
    assert with_seconds(many, Failing(MODEL, full), SPEC_OF_TWO) == many
    with pytest.raises(EngineError):
        with_seconds(many, Failing(MODEL, broken), SPEC_OF_TWO)


@pytest.mark.parametrize(
    ("size", "seconds", "text"),
    [
        (1.1 * GB, 41.0, "Needs 1.1 GB, about 40 s"),
        (0.2 * GB, None, "Needs 0.2 GB"),
        (3e6, 0.01, "Needs 3 MB, about 1 s"),
        (3e5, 17.4, "Needs 1 MB, about 17 s"),
        (2.9 * GB, 200.0, "Needs 2.9 GB, about 3 min"),
        (2.9 * GB, 9000.0, "Needs 2.9 GB, about 2.5 h"),
    ],
)
def test_it_is_reported_in_few_words(size: float, seconds: float | None, text: str) -> None:
    assert Estimate(math.ceil(size), 1, (1,), seconds).text == text


def test_only_what_one_waits_for_is_long() -> None:
    assert [Estimate(2**20, 4, (1,), seconds).long for seconds in (None, 3.0, 30.0)] == [
        False,
        False,
        True,
    ]
    assert Estimate(2**30, 4, (1,)).long


def test_the_image_itself_is_not_read() -> None:
    class Sealed:
        shape = (300, 400)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, index: object) -> np.ndarray:
            pytest.fail("read")

    sealed = plan_job(MODEL.spec, scan_of(Sealed()), SegmentSettings())
    assert estimate(sealed, "torch", "cpu", 16 * GB).tiles == 1
