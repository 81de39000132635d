"""A second task is a second file: its labels go into every format, and the command line says what
it counts.
"""

from pathlib import Path

import numpy as np
import pytest

from helpers.command_line import Command
from helpers.region_ids import FIRST, with_region_ids
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.cli.segment import backend as segment_backend
from napari_unet.model.library import save_model
from napari_unet.model.model import Model
from napari_unet.scans.read import read_scan
from napari_unet.segment.run import segment


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    return with_region_ids(monkeypatch, tiny_model(tiny_spec()))


@pytest.fixture
def file(model: Model, tmp_path: Path) -> Path:
    return save_model(model, tmp_path / "objects.safetensors")


@pytest.mark.parametrize("output", ["a.tif", "a.ome.tif", "a.zarr"])
def test_ids_are_written_as_they_are(
    run: Command, model: Model, file: Path, image: Path, output: str
) -> None:
    ran = run("segment", image, "--model", file, "--output", output, "--json")
    assert (ran.code, ran.json["failed"]) == (0, 0)
    back = np.asarray(read_scan(Path(output)).data[...])
    expected = segment(read_scan(image), model)
    assert back.dtype == np.uint32
    assert back.max() > FIRST
    np.testing.assert_array_equal(back, expected)
    [result] = ran.json["results"]
    filled = int(np.count_nonzero(expected))
    assert result["voxels"] == {"class 0": expected.size - filled, "class 1": filled}
    assert result["objects"] == len(np.unique(expected)) - 1 > 3


def test_people_read_what_the_task_counts(run: Command, file: Path, image: Path) -> None:
    ran = run("segment", image, "--model", file, "--output", "a.tif")
    objects = len(np.unique(read_scan(Path("a.tif")).data[...])) - 1
    assert f"a.tif: {objects} objects (" in ran.out
    assert "%" not in ran.out


def test_a_run_that_is_resumed_counts_and_writes_the_same(
    run: Command, file: Path, stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("segment", stack, "--model", file, "--json", "--output")
    whole = run(*words, "whole.tif").json["results"][0]
    with monkeypatch.context() as patch:
        _interrupt_after(1, patch)
        assert run(*words, "a.zarr").code == 130
    resumed = run(*words, "a.zarr", "--resume").json["results"][0]
    again = run(*words, "a.zarr", "--resume").json["results"][0]
    assert (resumed["resumed"], resumed["tiles_skipped"], again["tiles"]) == (True, 1, 0)
    for result in (resumed, again):
        assert (result["objects"], result["voxels"]) == (whole["objects"], whole["voxels"])
    np.testing.assert_array_equal(
        read_scan(Path("a.zarr")).data[...], read_scan(Path("whole.tif")).data[...]
    )


def test_classes_have_no_objects(run: Command, models: dict[str, Path], image: Path) -> None:
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif", "--json")
    assert "objects" not in ran.json["results"][0]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_other_tasks_are_neither_learnt_nor_evaluated_yet(
    run: Command, model: Model, image: Path, command: str
) -> None:
    words = {
        "train": ("--image", image, "--labels", image, "--output", "a.safetensors"),
        "evaluate": (image, image),
    }
    ran = run(command, *words[command], "--task", model.spec.task)
    assert ran.code == 1
    assert "can not be" in ran.err


def _interrupt_after(tiles: int, patch: pytest.MonkeyPatch) -> None:
    real = segment_backend.stream

    def stream(*given: object, **named: object) -> object:
        for done, tile in enumerate(real(*given, **named)):  # type: ignore[arg-type]
            if done == tiles:
                raise KeyboardInterrupt
            yield tile

    patch.setattr(segment_backend, "stream", stream)
