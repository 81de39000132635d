"""A batch of images: what befalls one of them does not end it, and none of them is replaced."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from helpers.command_line import Command
from helpers.file_sets import write_set
from helpers.tiny import smooth_image
from napari_unet.cli.segment import one_image as segment_one

Models = dict[str, Path]
posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def too_long(folder: Path, image: Path) -> Path:
    return Path(shutil.copy(image, folder / ("L" * 248 + ".tif")))


def a_loop(folder: Path, image: Path) -> Path:
    (folder / "loop.tif").symlink_to("loop.tif")
    return folder / "loop.tif"


def a_pipe(folder: Path, image: Path) -> Path:
    os.mkfifo(folder / "pipe.tif")
    return folder / "pipe.tif"


def below_a_file(folder: Path, image: Path) -> Path:
    return image / "inside.tif"


def impossible(folder: Path, image: Path) -> Path:
    return folder / ("M" * 300 + ".tif")


@posix
@pytest.mark.parametrize("make", [too_long, a_loop, a_pipe, below_a_file, impossible])
def test_the_batch_goes_on_after_an_image_that_is_none(
    run: Command, models: Models, image: Path, tmp_path: Path, make: Callable[[Path, Path], Path]
) -> None:
    bad = make(tmp_path, image)
    ran = run("segment", bad, image, "--model", models["two"], "--output", "out")
    assert ran.code == 1
    assert Path("out/image_labels.tif").exists()
    assert "unforeseen" not in ran.err
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith("Error: ")
    assert len(sentence) <= 420  # a sentence and the image's name


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), ValueError("odd"), KeyError("x"), RecursionError()]
)
def test_an_error_of_any_kind_is_of_its_image_alone(
    run: Command,
    models: Models,
    image: Path,
    stack: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    real = segment_one.read_scan

    def read(path, *given, **named):
        if path.name == image.name:
            raise error
        return real(path, *given, **named)

    monkeypatch.setattr(segment_one, "read_scan", read)
    words = ("segment", image, stack, "--model", models["two"], "--output", "out", "--json")
    ran = run(*words)
    assert ran.code == 1
    assert [found["error"] is None for found in ran.json["results"]] == [False, True]
    assert Path("out/stack_labels.tif").exists()


@posix
@pytest.mark.parametrize("ending", ["tif", "zarr"])
def test_a_result_is_not_written_through_a_link_to_another_image(
    run: Command, models: Models, image: Path, stack: Path, ending: str
) -> None:
    before = stack.read_bytes()
    Path(f"out.{ending}").symlink_to(stack)
    output = ("--output", f"out.{ending}", "--overwrite")
    ran = run("segment", image, "--model", models["two"], *output)
    assert ran.code == 1
    assert "is a link to" in ran.err
    assert stack.read_bytes() == before


@posix
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_image_is_no_output_by_another_name(
    run: Command, models: Models, image: Path, link: Callable[[Path, Path], None]
) -> None:
    before = image.read_bytes()
    link(image, Path("out.tif"))
    ran = run("segment", image, "--model", models["two"], "--output", "out.tif", "--overwrite")
    assert ran.code == 1
    assert "is one of the images" in ran.err
    assert image.read_bytes() == before


@posix
def test_a_training_does_not_replace_what_it_reads(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.tif"
    tifffile.imwrite(labels, np.zeros((40, 50), np.uint8))
    before = labels.read_bytes()
    Path("new.safetensors").symlink_to(labels)
    files = ("--image", image, "--labels", labels, "--output", "new.safetensors")
    ran = run("train", *files, "--steps", "1", "--overwrite")
    assert ran.code == 1
    assert "is one of the images or labels" in ran.err
    assert labels.read_bytes() == before


@posix
def test_names_are_written_out_for_the_terminal(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "a\x1b[31m\nError.tif"
    shutil.copy(image, odd)
    ran = run("segment", odd, "--model", models["two"], "--output", "out.tif", "--axes", "zyxt")
    assert ran.code == 1
    assert "\x1b" not in ran.err
    assert ran.err.count("\n") == 1
    assert "a\\x1b[31m\\nError.tif" in ran.err
    ran = run("segment", odd, image, "--model", models["two"], "--output", "out")
    assert "a\\x1b[31m\\nError_labels.tif: class 1" in ran.out


def test_a_set_of_files_is_segmented_once_and_the_result_says_so(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    stack = (60_000 * smooth_image((3, 40, 50))).astype("u2")
    write_set(tmp_path, [f"z{n}.ome.tif" for n in range(3)], stack)
    words = ("z0.ome.tif", image, "z[12].ome.tif", "--model", models["two"], "--output", "out")
    ran = run("segment", *words, "--json")
    assert ran.code == 0, ran.err
    first, second = json.loads(ran.out)["results"]
    assert first["image"] == "z0.ome.tif"
    assert first["shape"] == [3, 40, 50]
    assert "z0.ome.tif, z1.ome.tif and z2.ome.tif are one image" in first["notes"][0]
    assert second["image"] == str(image)
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "image_labels.tif",
        "z0_labels.tif",
    ]
