"""`napari-unet evaluate`: what it prints, and how it ends."""

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

import napari_unet as nu
from helpers.command_line import Command
from napari_unet.cli import progress_line

TRUTH = np.zeros((3, 24, 30), np.uint8)
TRUTH[:, 4:14, 4:14] = 1
TRUTH[:, 4:9, 18:26] = 2
FOUND = np.roll(TRUTH, 2, axis=2)


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    """The same labels in files of several kinds, some of which know their voxel size."""
    metadata = {"axes": "ZYX", "unit": "um", "spacing": 2.0}
    tifffile.imwrite(
        tmp_path / "found.tif", FOUND, imagej=True, resolution=(4, 2), metadata=metadata
    )
    plain = {
        "truth": TRUTH,
        "float": TRUTH.astype(np.float32),
        "half": TRUTH.astype(np.float32) / 2,
        "mask": 255.0 * (TRUTH > 0).astype(np.float32),
        "nan": np.full(TRUTH.shape, np.nan, np.float32),
    }
    for name, values in (plain | {"objects": TRUTH.astype(np.uint16) + 1000}).items():
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="minisblack")
    tifffile.imwrite(
        tmp_path / "coarse.tif", TRUTH, imagej=True, resolution=(2, 2), metadata=metadata
    )
    (tmp_path / "slice.png").write_bytes(imagecodecs.png_encode(TRUTH[0]))
    (tmp_path / "colours.png").write_bytes(
        imagecodecs.png_encode(np.repeat(TRUTH[0][..., None], 3, axis=2))
    )
    zarr.save_array(tmp_path / "truth.zarr", TRUTH)


@pytest.mark.parametrize("truth", ["truth.tif", "truth.zarr"])
def test_json_is_what_python_gives(run: Command, truth: str) -> None:
    ran = run("evaluate", "found.tif", truth, "--json")
    assert ran.code == 0, ran.err
    assert ran.json == nu.evaluate(FOUND, TRUTH, spacing=(2, 0.5, 0.25)), (
        "the spacing is that of the file that knows it"
    )
    assert ran.json["hd95"]["1"] == pytest.approx(0.5)


def test_people_get_a_table(run: Command) -> None:
    lines = run(
        "evaluate", "found.tif", "truth.tif", "--classes", "background, axon,myelin"
    ).out.splitlines()
    assert lines[0].split() == [
        "class",
        "Dice",
        "IoU",
        "Precision",
        "Recall",
        "HD95",
        "(µm)",
        "Surface",
        "distance",
        "(µm)",
    ]
    assert [line.split()[0] for line in lines[1:]] == ["axon", "myelin", "mean"]
    assert lines[1].split()[1:3] == ["0.8000", "0.6667"]
    assert len({len(line) for line in lines}) == 1
    assert "(px)" in run("evaluate", "truth.tif", "truth.zarr").out


def test_options_say_what_the_files_do_not(run: Command) -> None:
    scores = run("evaluate", "found.tif", "coarse.tif", "--spacing", "1,1,3", "--json").json
    assert (scores["spacing"], scores["hd95"]["1"]) == ([1, 1, 3], pytest.approx(6))
    assert (
        len(run("evaluate", "found.tif", "truth.tif", "--axes", "tyx", "--json").json["spacing"])
        == 2
    )
    assert run("evaluate", "slice.png", "slice.png", "--json").json["dice"]["mean"] == 1


def test_progress_goes_to_standard_error(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_line, "ELSEWHERE_S", 0.0)
    ran = run("evaluate", "found.tif", "truth.tif", "--json")
    assert "found.tif: 1 of 2 surfaces" in ran.err
    assert "dice" in ran.json


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nothing.tif", "truth.tif"), "no image nothing.tif"),
        (("slice.png", "truth.tif"), "shape is (24, 30) and the truth's (3, 24, 30)"),
        (
            ("half.tif", "truth.tif"),
            "The prediction holds float32 values; labels are whole numbers",
        ),
        (("found.tif", "nan.tif"), "The truth holds float32 values, 2160 of which are NaN"),
        (("objects.tif", "truth.tif"), "Objects that have a number each can not be evaluated yet"),
        (("colours.png", "slice.png"), "colours or channels"),
        (("found.tif", "coarse.tif"), "Give the spacing that holds for both"),
        (("found.tif", "truth.tif", "--spacing", "1,1"), "2 spacings"),
        (("found.tif", "truth.tif", "--axes", "yx"), "one letter for each"),
        (("found.tif", "truth.tif", "--classes", "background,axon"), "label 2 has no name"),
        (("found.tif", "truth.tif", "--task", "instances"), "can not be evaluated yet"),
    ],
)
def test_a_failure_is_one_sentence_and_code_1(
    run: Command, words: tuple[str, ...], sentence: str
) -> None:
    ran = run("evaluate", *words, "--json")
    assert ran.code == 1
    assert sentence in ran.json["error"]
    assert ran.err == f"Error: {ran.json['error']}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("found.tif",), "TRUTH"),
        (("found.tif", "truth.tif", "--task", "guess"), "--task"),
        (("found.tif", "truth.tif", "--spacing", "x"), "--spacing"),
        (("found.tif", "truth.tif", "--colour", "red"), "--colour"),
    ],
)
def test_wrong_usage_is_code_2(run: Command, words: tuple[str, ...], sentence: str) -> None:
    ran = run("evaluate", *words, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_scoring_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from napari_unet.cli import evaluate_labels; import napari_unet as nu; "
        "nu.evaluate; print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def test_a_mask_of_0_and_255_is_reported_and_scored(run: Command, tmp_path: Path) -> None:
    mask = np.zeros((8, 9), np.uint8)
    mask[2:5, 2:6] = 1
    tifffile.imwrite(tmp_path / "one.tif", mask)
    tifffile.imwrite(tmp_path / "grey.tif", mask * np.uint8(255))
    ran = run("evaluate", tmp_path / "one.tif", tmp_path / "grey.tif", "--json")
    assert ran.json["dice"]["mean"] == 1.0
    assert "grey.tif: 2 values, 0 and 255: read as background and class 1." in ran.err


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("float.tif", "3 values, 0, 1 and 2: read as background, class 1 and class 2."),
        ("mask.tif", "2 values, 0 and 255: read as background and class 1."),
    ],
)
def test_masks_of_whole_numbers_that_are_real_are_read_and_told(
    run: Command, name: str, note: str
) -> None:
    ran = run("evaluate", name, name, "--json")
    assert ran.json["dice"]["mean"] == 1
    assert ran.json["notes"] == [f"{name}: {note}"] * 2
    assert ran.err.splitlines() == [f"{name}: {note}"] * 2
