"""`napari-unet segment`: the files it writes, what it says, and how it ends."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from helpers.command_line import Command
from helpers.failing import BOTH, NOTE, TORCH, failing_over
from helpers.tiny import smooth_image
from napari_unet.cli.segment import backend as segment_backend
from napari_unet.cli.segment import images as segment_images
from napari_unet.errors import EngineError
from napari_unet.model.library import load_model
from napari_unet.model.torch_import import torch
from napari_unet.scans.read import read_scan
from napari_unet.segment import estimate
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.out_of_memory import not_enough_memory
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.run import segment

Models = dict[str, Path]


def values(path: Path) -> np.ndarray:
    return np.asarray(read_scan(path).data[...])


@pytest.mark.parametrize("output", ["labels.tif", "labels.ome.tif", "labels.zarr"])
def test_the_file_holds_what_python_gives(
    run: Command, models: Models, stack: Path, output: str
) -> None:
    ran = run("segment", stack, "--model", models["three"], "--output", output)
    assert (ran.code, ran.err) == (0, "")
    scan = read_scan(stack)
    back = read_scan(output)
    assert (back.axes, back.spacing, back.unit) == (scan.axes, pytest.approx(scan.spacing), "um")
    expected = segment(scan, load_model(models["three"]))
    assert len(np.unique(expected)) == 3
    assert np.array_equal(values(Path(output)), expected)
    assert f"{output}: class 1 " in ran.out


def test_a_model_of_volumes(run: Command, models: Models, stack: Path, image: Path) -> None:
    assert run("segment", stack, "--model", models["volumes"], "--output", "labels.tif").code == 0
    assert np.array_equal(
        values(Path("labels.tif")), segment(read_scan(stack), load_model(models["volumes"]))
    )
    ran = run("segment", image, "--model", models["volumes"], "--output", "other.tif")
    assert ran.code == 1
    assert "works on volumes" in ran.err


def test_axes_and_spacing_that_are_given_win(run: Command, models: Models, stack: Path) -> None:
    ran = run(
        "segment",
        stack,
        "--model",
        models["two"],
        "--output",
        "a.tif",
        "--axes",
        "tyx",
        "--spacing",
        "0.3,0.2",
        "--json",
    )
    assert (ran.json["results"][0]["axes"], ran.json["results"][0]["spacing"]) == (
        "tyx",
        [0.3, 0.2],
    )
    assert read_scan("a.tif").axes == "tyx"


def test_a_guess_knows_the_model(run: Command, models: Models, tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    tifffile.imwrite(
        path, np.random.default_rng(0).random((2, 40, 50), np.float32), photometric="minisblack"
    )
    assert (
        run("segment", path, "--model", models["channels"], "--output", "a.tif", "--json").json[
            "results"
        ][0]["axes"]
        == "yx"
    )
    assert (
        run("segment", path, "--model", models["two"], "--output", "b.tif", "--json").json[
            "results"
        ][0]["axes"]
        == "zyx"
    )


def test_a_sentence_counts_what_is_not_finite(run: Command, models: Models, tmp_path: Path) -> None:
    data = np.random.default_rng(0).random((40, 50), np.float32)
    data[3:5, 6:9] = np.nan
    tifffile.imwrite(tmp_path / "holes.tif", data)
    ran = run("segment", "holes.tif", "--model", models["two"], "--output", "a.tif", "--json")
    assert ran.json["results"][0]["nonfinite"] == 6
    assert "6 voxels" in ran.err
    assert not values(Path("a.tif"))[3:5, 6:9].any()


def test_a_note_says_how_colours_are_taken(run: Command, models: Models, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((40, 50, 3), np.uint8), photometric="rgb")
    ran = run("segment", "rgb.tif", "--model", models["two"], "--output", "a.tif", "--json")
    assert ran.json["results"][0]["shape"] == [40, 50]
    assert "luminance" in ran.json["results"][0]["notes"][0]


def test_settings_reach_the_engine(run: Command, models: Models, image: Path) -> None:
    few = run(
        "segment",
        image,
        "--model",
        models["two"],
        "--output",
        "a.tif",
        "--threshold",
        0.9,
        "--tile-px",
        16,
        "--json",
    ).json
    many = run(
        "segment",
        image,
        "--model",
        models["two"],
        "--output",
        "b.tif",
        "--threshold",
        0.1,
        "--json",
    ).json
    assert few["settings"]["threshold"] == 0.9
    assert few["results"][0]["tiles"] > many["results"][0]["tiles"]
    assert few["results"][0]["voxels"]["class 1"] < many["results"][0]["voxels"]["class 1"]


def test_the_engine_that_ran_is_named_in_json_and_file(
    run: Command, models: Models, image: Path
) -> None:
    ran = run(
        "segment",
        image,
        "--model",
        models["two"],
        "--output",
        "a.zarr",
        "--engine",
        "torch",
        "--json",
    )
    assert ran.json["engine"] == f"torch {version('torch')} on cpu"
    assert (ran.json["settings"]["engine"], ran.json["settings"]["precision"]) == (
        "torch",
        "float32",
    )
    assert zarr.open_group("a.zarr", mode="r").attrs["napari_unet"]["engine"] == ran.json["engine"]
    assert (
        run(
            "segment", image, "--model", models["two"], "--output", "b.tif", "--engine", "fast"
        ).code
        == 2
    )


def test_what_it_will_take_is_reported_before_a_long_run(
    run: Command, models: Models, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_UNET_CACHE", str(tmp_path / "cache"))
    words = (
        "segment",
        image,
        "--model",
        models["two"],
        "--engine",
        "torch",
        "--output",
        "a.tif",
        "--overwrite",
        "--json",
    )
    first = run(*words)
    assert (first.err, first.json["results"][0]["seconds_estimated"]) == ("", None)
    assert 10**5 < first.json["results"][0]["memory_bytes"] < 10**7
    again = run(*words)
    assert again.err == ""
    assert 0 < again.json["results"][0]["seconds_estimated"] < 10
    monkeypatch.setattr(estimate, "LONG_S", 0)
    assert re.fullmatch(r"image\.tif: Needs 1 MB, about 1 s\.\n", run(*words).err)


def test_an_engine_that_fails_on_the_way_is_replaced_and_named(
    run: Command, models: Models, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_backend, "make_engine", lambda model, *_: failing_over(model, 3))
    other = tmp_path / "other.tif"
    other.write_bytes(image.read_bytes())
    ran = run(
        "segment",
        image,
        other,
        "--model",
        models["two"],
        "--output",
        "out",
        "--tile-px",
        16,
        "--json",
    )
    first, second = ran.json["results"]
    assert (ran.code, ran.json["engine"], first["engine"], second["engine"]) == (
        0,
        BOTH,
        BOTH,
        TORCH,
    )
    assert first["notes"] == second["notes"] == [NOTE]
    assert f"image.tif: {NOTE}" in ran.err
    assert np.array_equal(values(Path(first["output"])), values(Path(second["output"])))


def test_an_engine_that_is_not_installed_is_an_error_with_the_line_that_installs_it(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "openvino_version", lambda: None)
    ran = run(
        "segment",
        image,
        "--model",
        models["two"],
        "--output",
        "a.tif",
        "--engine",
        "openvino",
        "--json",
    )
    assert ran.code == 1
    assert "pip install 'napari-unet-loop[openvino]'" in ran.json["error"]
    assert not Path("a.tif").exists()


def test_an_engine_that_can_not_run_the_model_is_a_note(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: object, precision: str) -> None:
        raise EngineError("OpenVINO can not run this model (no such processor).")

    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    monkeypatch.setattr(choice, "_openvino", refuse)
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "openvino")
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif", "--json")
    assert ran.json["engine"].startswith("torch")
    assert ran.json["results"][0]["notes"][-1].endswith(
        "(no such processor). PyTorch runs instead."
    )


@pytest.mark.parametrize(
    ("model", "suffix"), [("two", "tif"), ("two", "zarr"), ("three", "tif"), ("three", "zarr")]
)
def test_probabilities(run: Command, models: Models, stack: Path, model: str, suffix: str) -> None:
    path = Path(f"p.{suffix}")
    ran = run(
        "segment",
        stack,
        "--model",
        models[model],
        "--output",
        "labels.tif",
        "--probabilities",
        path,
        "--json",
    )
    assert ran.json["results"][0]["probabilities"] == str(path)
    labels = values(Path("labels.tif"))
    scan = read_scan(path)
    if model == "two":
        assert scan.axes == "zyx"
        decided = values(path) >= 0.5
    else:
        decided = np.asarray(scan.data[...]).argmax(scan.axes.index("c"))
    assert (labels == decided).mean() > 0.999


def test_probabilities_are_kept_beside_the_labels(
    run: Command, models: Models, image: Path
) -> None:
    run(
        "segment",
        image,
        "--model",
        models["two"],
        "--output",
        "out/cells.tif",
        "--keep-probabilities",
    )
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "cells.tif",
        "cells_probabilities.tif",
    ]


def test_several_images_go_into_a_folder(
    run: Command, models: Models, image: Path, stack: Path
) -> None:
    ran = run(
        "segment",
        image,
        stack,
        "--model",
        models["two"],
        "--output",
        "out",
        "--probabilities",
        "prob",
    )
    assert ran.code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "image_labels.tif",
        "stack_labels.tif",
    ]
    assert sorted(path.name for path in Path("prob").iterdir()) == [
        "image_probabilities.tif",
        "stack_probabilities.tif",
    ]


def test_wildcards_work_where_the_shell_leaves_them(
    run: Command, models: Models, image: Path, stack: Path
) -> None:
    ran = run("segment", "*.tif", "--model", models["two"], "--output", "out", "--json")
    assert [result["image"] for result in ran.json["results"]] == ["image.tif", "stack.tif"]


def test_one_bad_image_does_not_stop_the_others(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.tif").write_bytes(image.read_bytes()[:500])
    ran = run(
        "segment",
        "bad.tif",
        "none.tif",
        image,
        "--model",
        models["two"],
        "--output",
        "out",
        "--json",
    )
    assert ran.code == 1
    assert [result["error"] is None for result in ran.json["results"]] == [False, False, True]
    assert ran.json["failed"] == 2
    assert [path.name for path in Path("out").iterdir()] == ["image_labels.tif"]
    assert len(ran.err.strip().splitlines()) == 2
    assert "bad.tif" in ran.err


def test_an_image_that_memory_is_not_enough_for_does_not_stop_the_others(
    run: Command, models: Models, image: Path, stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TorchEngine.run
    calls: list[int] = []

    def run_out_once(engine: TorchEngine, window: torch.Tensor, *rest: Any) -> torch.Tensor:
        calls.append(window.numel())
        if len(calls) == 1:
            raise not_enough_memory(MemoryError(), engine.device)
        return real(engine, window, *rest)

    monkeypatch.setattr(TorchEngine, "run", run_out_once)
    words = ("--engine", "torch", "--device", "cpu", "--tile-px", 16, "--output", "out", "--json")
    ran = run("segment", image, stack, "--model", models["two"], *words)
    first, second = ran.json["results"]
    assert (ran.code, second["error"]) == (1, None)
    assert first["error"].startswith("The memory of this computer was not enough (MemoryError).")
    assert ran.err.splitlines()[0] == f"Error: image.tif: {first['error']}"


def test_existing_files_need_overwrite(run: Command, models: Models, image: Path) -> None:
    words = ("segment", image, "--model", models["two"], "--output", "a.tif")
    assert run(*words).code == 0
    before = Path("a.tif").stat().st_mtime_ns
    ran = run(*words)
    assert ran.code == 1
    assert "--overwrite" in ran.err
    assert Path("a.tif").stat().st_mtime_ns == before
    assert run(*words, "--overwrite").code == 0
    assert Path("a.tif").stat().st_mtime_ns > before


def test_an_image_is_never_replaced(run: Command, models: Models, image: Path) -> None:
    before = image.read_bytes()
    for option in ("--output", "--probabilities"):
        others = () if option == "--output" else ("--output", "a.tif")
        ran = run("segment", image, "--model", models["two"], option, image, *others, "--overwrite")
        assert ran.code == 1
        assert "one of the images" in ran.err
    assert image.read_bytes() == before


def test_progress_goes_to_standard_error(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import progress_line

    monkeypatch.setattr(progress_line, "ELSEWHERE_S", 0.0)
    ran = run(
        "segment", image, "--model", models["two"], "--output", "a.tif", "--tile-px", 16, "--json"
    )
    assert "image.tif: 1 of " in ran.err
    assert ran.json["failed"] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "two", "--output", "a.tif", "--tile-px", 3), "--tile-px"),
        (("--model", "two", "--output", "a.tif", "--precision", "float8"), "--precision"),
        (("--model", "two", "--output", "a.tif", "--spacing", "x"), "--spacing"),
        (("--model", "two", "--output", "a.tif", "--colour", "red"), "--colour"),
        (("--model", "two"), "--output"),
        (("--output", "a.tif"), "--model"),
        (("stack.tif", "--model", "two", "--output", "a.tif"), "folder"),
    ],
)
def test_wrong_usage_is_code_2(
    run: Command, models: Models, image: Path, words: tuple[object, ...], sentence: str
) -> None:
    ran = run("segment", image, *(models.get(str(word), word) for word in words), "--json")
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_two_results_of_one_name_are_wrong_usage(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "image.tif"
    other.write_bytes(image.read_bytes())
    ran = run("segment", image, other, "--model", models["two"], "--output", "out")
    assert ran.code == 2
    assert "image_labels.tif" in ran.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "nothing", "--output", "a.tif"), "no model 'nothing'"),
        (("--model", "image.tif", "--output", "a.tif"), "image.tif"),
        (("--model", "two", "--output", "a.jpg"), ".tif, .tiff or .zarr"),
        (("--model", "two", "--output", "a.tif", "--device", "abacus"), "no device 'abacus'"),
        (("--model", "three", "--output", "a.tif", "--threshold", 0.5), "two classes"),
        (("--model", "two", "--output", "a.tif", "--axes", "zyx"), "one letter for each"),
        (("--model", "channels", "--output", "a.tif"), "2 channels"),
    ],
)
def test_a_failure_is_one_sentence_and_code_1(
    run: Command, models: Models, image: Path, words: tuple[object, ...], sentence: str
) -> None:
    ran = run("segment", image, *(models.get(str(word), word) for word in words), "--json")
    assert ran.code == 1
    assert sentence in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert "error" in ran.json or ran.json["failed"] == 1
    assert not list(Path().glob("a.*"))


def test_the_unforeseen_is_one_sentence_too(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no idea\nat all")

    monkeypatch.setattr(segment_images, "load_model", fail)
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif")
    assert ran.code == 1
    assert "RuntimeError: no idea" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("NAPARI_UNET_DEBUG", "1")
    assert "Traceback" in run("segment", image, "--model", models["two"], "--output", "a.tif").err


def test_memory_that_is_not_enough_is_no_unforeseen_error(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(segment_images, "load_model", fail)
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif")
    assert ran.code == 1
    assert ran.err.startswith("Error: The memory of the device was not enough (MemoryError).")


def test_an_interruption_is_code_130(
    run: Command, models: Models, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_backend, "stream", interrupt)
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif")
    assert ran.code == 130
    assert [path.name for path in Path().iterdir()] == ["image.tif"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_control_c_ends_a_running_process_and_leaves_nothing(
    models: Models, tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "big.tif",
        np.random.default_rng(0).random((40, 700, 700), np.float32),
        metadata={"axes": "ZYX"},
    )
    words = [
        "segment",
        "big.tif",
        "--model",
        str(models["two"]),
        "--output",
        "a.tif",
        "--tile-px",
        "32",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_unet", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_cpu(process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert [path.name for path in tmp_path.iterdir()] == ["big.tif"]


def _wait_for_cpu(process: subprocess.Popen[str], seconds: float = 4.0) -> None:
    """Wait until the process has begun to work."""
    import psutil

    watched = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and sum(watched.cpu_times()[:2]) < seconds:
        time.sleep(0.05)


@pytest.fixture
def two_channels(tmp_path: Path) -> Path:
    """An OME-TIFF of two channels with names."""
    path = tmp_path / "two.ome.tif"
    grey = np.linspace(0, 1, 40 * 50, dtype=np.float32).reshape(40, 50)
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, np.stack([grey, grey[::-1]]), metadata=metadata)
    return path


def test_a_channel_is_chosen_by_name_or_number(
    run: Command, models: Models, two_channels: Path
) -> None:
    words = ("segment", two_channels, "--model", models["two"])
    refused = run(*words, "--output", "a.tif")
    assert refused.code == 1
    assert "--channel" in refused.err
    assert "0 DAPI and 1 GFP" in refused.err
    model = load_model(models["two"])
    for name, number in (("DAPI", 0), ("gfp", 1), ("1", 1)):
        ran = run(*words, "--channel", name, "--output", f"{name}.tif", "--json")
        assert ran.code == 0
        expected = segment(read_scan(two_channels), model, channel=number)
        assert np.array_equal(values(Path(f"{name}.tif")), expected)
    assert "Of 2 channels (0 DAPI and 1 GFP), 1 GFP is used." in ran.json["results"][0]["notes"]
    assert not np.array_equal(values(Path("DAPI.tif")), values(Path("gfp.tif")))


def test_a_model_of_several_channels_takes_them_in_order(
    run: Command, models: Models, two_channels: Path
) -> None:
    words = ("segment", two_channels, "--model", models["channels"])
    chosen = ("--channel", "GFP", "--channel", "DAPI")
    assert run(*words, *chosen, "--output", "a.tif").code == 0
    expected = segment(
        read_scan(two_channels).data[::-1], load_model(models["channels"]), axes="cyx"
    )
    assert np.array_equal(values(Path("a.tif")), expected)


def test_what_libraries_warn_of_in_reads_of_tiles_is_a_note(
    run: Command, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr.save_array("image.zarr", smooth_image((60, 70)))
    honest = zarr.Array.__getitem__

    def odd(self: zarr.Array, index: object) -> object:
        logging.getLogger("tifffile").warning("odd chunk")
        return honest(self, index)

    monkeypatch.setattr(zarr.Array, "__getitem__", odd)
    words = ("segment", "image.zarr", "--model", models["two"], "--output", "labels.tif")
    ran = run(*words, "--tile-px", "32", "--json")
    (result,) = ran.json["results"]
    assert result["notes"].count("The file is read, but: odd chunk") == 1
    assert ran.err.count("odd chunk") == 1
