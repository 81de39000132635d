"""docs/json.md lists the keys that the commands print, all of them and no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.command_line import Command
from napari_unet.measure.evaluate import MEASURES
from napari_unet.model.library import FOLDER_VARIABLE

TEXT = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
OPEN = {
    "results[].voxels",
    "spec",
    "packages",
    "qt",
    "nvidia",
    "settings.augment",
    "scores",
    "corrections",
    "fit.classes",
    *MEASURES,
}  # objects and lists whose content is not ours to name


def documented(command: str) -> set[str]:
    section = TEXT.split(f"## {command}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def keys(value: Any, path: str = "") -> Iterator[str]:
    if path in OPEN or not isinstance(value, (dict, list)):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from keys(inner, f"{path}.{name}" if path else name)
    elif not value or not isinstance(value[0], dict):
        yield path
    else:
        for inner in value:
            yield from keys(inner, f"{path}[]")


def test_segment(run: Command, models: dict[str, Path], image: Path) -> None:
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif", "--json")
    assert set(keys(ran.json)) == documented("segment")


def test_train(run: Command, models: dict[str, Path]) -> None:
    image = np.random.default_rng(0).random((112, 112), np.float32)
    tifffile.imwrite("image.tif", image)
    tifffile.imwrite("labels.tif", (image > 0.5).astype(np.uint8))
    words = (
        "--image",
        "image.tif",
        "--labels",
        "labels.tif",
        "--from",
        models["two"],
        "--output",
        "a",
        "--steps",
        1,
        "--batch",
        1,
    )
    ran = run("train", *words, "--json")
    found = {key for key in keys(ran.json) if not key.startswith("settings.")} | {"settings"}
    assert found == documented("train")


def test_evaluate(run: Command) -> None:
    tifffile.imwrite("labels.tif", np.eye(9, dtype=np.uint8))
    ran = run("evaluate", "labels.tif", "labels.tif", "--json")
    assert set(keys(ran.json)) == documented("evaluate")
    assert all("mean" in ran.json[key] for key in MEASURES)


def test_models_list(
    run: Command, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(models["two"].parent))
    ran = run("models", "list", "--json")
    assert set(keys(ran.json)) == documented("models list")
    assert run("models", "--json").json == ran.json


def test_models_show(run: Command, models: dict[str, Path], image: Path) -> None:
    of_fit = {key for key in documented("models show") if key.startswith("fit.")}
    shown = run("models", "show", models["two"], "--json")
    assert set(keys(shown.json)) == documented("models show") - of_fit
    shown = run("models", "show", models["two"], "--fits", image, "--device", "cpu", "--json")
    assert set(keys(shown.json)) == documented("models show")


def test_models_measure(run: Command, models: dict[str, Path]) -> None:
    assert set(
        keys(run("models", "measure", models["two"], "--engine", "torch", "--json").json)
    ) == documented("models measure")


def test_the_flag_counts_before_and_after_the_subcommand(
    run: Command, models: dict[str, Path]
) -> None:
    assert (
        run("models", "--json", "show", models["two"]).json
        == run("models", "show", models["two"], "--json").json
    )
    assert run("models", "--json", "list").json == run("models", "list", "--json").json
    assert list(run("models", "--json", "show", "nothing").json) == ["error"]


def test_doctor(run: Command) -> None:
    assert set(keys(run("doctor", "--json").json)) == documented("doctor")


def test_a_failure_has_one_key(run: Command) -> None:
    ran = run("models", "show", "nothing", "--json")
    assert ran.code == 1
    assert list(ran.json) == ["error"]
