"""`models`, `doctor` and `demo`."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from helpers.command_line import Command
from helpers.model_files import rewrite_spec
from napari_unet.cli import progress_line, run_demo
from napari_unet.model.library import FOLDER_VARIABLE
from napari_unet.progress import Progress

Models = dict[str, Path]


def test_models_list_names_what_is_not_usable(
    run: Command, models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    (tmp_path / "good.safetensors").write_bytes(models["three"].read_bytes())
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    said = run("models", "list").out
    assert "class 0, class 1, class 2" in next(
        line for line in said.splitlines() if line.startswith("good")
    )
    assert "not usable" in next(line for line in said.splitlines() if line.startswith("broken"))
    assert str(tmp_path) in said


def test_models_show_says_what_a_model_is(run: Command, models: Models) -> None:
    said = run("models", "show", models["three"]).out
    assert "0 class 0, 1 class 1, 2 class 2" in said
    assert "2D U-Net, width 4, 2 poolings" in said


def test_what_was_left_out_of_a_newer_file_is_said_and_the_model_runs(
    run: Command, models: Models, image: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.safetensors"
    newer.write_bytes(models["two"].read_bytes())
    rewrite_spec(newer, lambda spec: spec.update(format_version=2, quality=1))
    note = "newer.safetensors was made by a newer version of this program"
    assert note in run("models", "show", newer).out
    assert run("models", "show", newer, "--json").json["notes"][0].startswith(note)
    ran = run("segment", image, "--model", newer, "--output", "labels.tif", "--json")
    assert ran.json["results"][0]["notes"][0].startswith(note)


def test_doctor_speaks_to_people_and_to_programs(run: Command) -> None:
    assert "PyTorch" in run("doctor").out
    assert run("doctor", "--json").json["devices"][-1]["name"] == "cpu"


@pytest.mark.parametrize("missing", [{"napari"}, {"PyQt6", "PySide6"}])
def test_demo_says_what_to_install(
    run: Command, monkeypatch: pytest.MonkeyPatch, missing: set[str]
) -> None:
    monkeypatch.setattr(run_demo, "find_spec", lambda name: None if name in missing else object())
    ran = run("demo")
    assert ran.code == 1
    assert 'pip install "napari-unet-loop[all]"' in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_demo_opens_the_window(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    stand_in = types.ModuleType("napari_unet.widgets.segment.demo")
    stand_in.show_demo = lambda *given: called.append(given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "napari_unet.widgets.segment.demo", stand_in)
    assert run("demo").code == 0
    assert called == [(None,)]


def test_the_line_of_progress_has_its_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_line, "ELSEWHERE_S", 0.0)
    line = progress_line.ProgressLine("a.tif")
    line.show(Progress(1, 4))
    line.show(Progress(2, 4, note="Memory did not suffice."))
    assert capsys.readouterr().err.splitlines() == [
        "a.tif: 1 of 4 tiles",
        "a.tif: 2 of 4 tiles. Memory did not suffice.",
    ]
