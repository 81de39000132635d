"""`models measure`: what a model takes on this machine, kept for plans and estimates."""

import sys
from pathlib import Path

import pytest

from helpers.command_line import Command
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.library import load_model, save_model
from napari_unet.segment.engine.speed_cache import (
    MeasuredMemory,
    known_voxel_bytes,
    known_voxel_seconds,
    save_measurements,
)


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", ["two", "volumes"])
def test_what_is_measured_is_known_to_later_runs(
    run: Command, models: dict[str, Path], kind: str
) -> None:
    ran = run("models", "measure", models[kind], "--engine", "torch", "--device", "cpu", "--json")
    config = load_model(models[kind]).spec.architecture
    voxels = ran.json["window"][0] ** config.dimensions
    assert voxels >= 2**20
    assert known_voxel_seconds(config, "torch", "cpu", voxels) == ran.json["voxel_seconds"]
    assert known_voxel_seconds(config, "torch", "cpu", 2**34) == ran.json["voxel_seconds"]
    assert known_voxel_seconds(config, "torch", "cpu", 2**10) is None
    assert known_voxel_bytes(config, "torch") == ran.json["voxel_bytes"]


def test_a_network_that_normalises_by_instance_is_measured_too(
    run: Command, tmp_path: Path
) -> None:
    path = save_model(tiny_model(tiny_spec(norm="instance")), tmp_path / "instance.safetensors")
    ran = run("models", "measure", path, "--engine", "torch", "--device", "cpu")
    assert ran.code == 0
    assert " ns" in ran.out


def test_memory_is_seen_in_a_process_that_has_computed_nothing(models: dict[str, Path]) -> None:
    import json
    import subprocess

    words = [
        "-m",
        "napari_unet",
        "models",
        "measure",
        str(models["two"]),
        "--engine",
        "torch",
        "--device",
        "cpu",
        "--json",
    ]
    values = json.loads(
        subprocess.run([sys.executable, *words], check=True, capture_output=True).stdout
    )
    assert 20 < values["voxel_bytes"] < 2000


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--precision", "double"), 2, "--precision: "),
        (("--engine", "onnx"), 2, "--engine: "),
        (("--device", "cuda:7"), 1, "cuda:7"),
    ],
)
def test_what_can_not_be_measured_is_refused(
    run: Command, models: dict[str, Path], words: tuple[str, str], code: int, sentence: str
) -> None:
    ran = run("models", "measure", models["two"], *words)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err


def test_the_last_measurement_of_the_largest_window_counts() -> None:
    config = tiny_spec().architecture
    save_measurements(
        config,
        [],
        [
            MeasuredMemory("torch", size, taken)
            for size, taken in ((21, 100.0), (10, 9000.0), (20, 300.0), (21, 200.0))
        ],
        fresh=True,
    )
    assert known_voxel_bytes(config, "torch") == 200
    assert known_voxel_bytes(config, "openvino") is None


def test_a_used_process_says_only_what_is_not_known() -> None:
    config = tiny_spec().architecture
    said = (
        (24, 300.0, False, 300.0),
        (25, 200.0, False, 300.0),
        (20, 100.0, True, 100.0),
        (24, 400.0, False, 100.0),
    )
    for size, taken, fresh, known in said:
        save_measurements(config, [], [MeasuredMemory("torch", size, taken)], fresh)
        assert known_voxel_bytes(config, "torch") == known


def test_a_small_window_is_measured_as_small(run: Command, models: dict[str, Path]) -> None:
    ran = run("models", "measure", models["two"], "--engine", "torch", "--voxels", 2**16, "--json")
    config = load_model(models["two"]).spec.architecture
    assert ran.json["window"] == [256, 256]
    assert known_voxel_seconds(config, "torch", "cpu", 2**16) == ran.json["voxel_seconds"]
    assert known_voxel_bytes(config, "torch") is None
