"""`napari-unet segment` that is killed, interrupted, resumed and divided."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from helpers.command_line import Command
from helpers.resumable import Counting, values
from helpers.tiny import smooth_image
from napari_unet.cli.segment import backend as segment_backend
from napari_unet.cli.segment import one_image as segment_one
from napari_unet.files.append_only import read_records
from napari_unet.model.model import Model
from napari_unet.scans.formats import zarr_levels
from napari_unet.scans.formats import zarr_pyramid as pyramid

Models = dict[str, Path]
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def words(models: Models, stack: Path) -> tuple[object, ...]:
    return ("segment", stack, "--model", models["three"], "--tile-px", 16, "--output", "a.zarr")


@pytest.fixture
def expected(run: Command, words: tuple[object, ...]) -> np.ndarray:
    assert run(*words[:-1], "whole.tif").code == 0
    return values(Path("whole.tif"))


def interrupt_after(tiles: int, patch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be pressed after some tiles."""
    real = segment_backend.stream

    def stream(model: Model, *given: object, **named: object) -> object:
        for done, tile in enumerate(real(model, *given, **named)):  # type: ignore[arg-type]
            if done == tiles:
                raise KeyboardInterrupt
            yield tile

    patch.setattr(segment_backend, "stream", stream)


@pytest.fixture(autouse=True)
def _no_tile_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines here count their runs."""
    monkeypatch.setattr(segment_backend, "with_seconds", lambda found, *_: found)


def test_control_c_keeps_what_is_finished_and_says_how_to_resume(
    run: Command, words: tuple[object, ...], expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(10, patch)
        ran = run(*words)
    assert ran.code == 130
    assert "10 of 48 tiles are kept in" in ran.err
    assert "a.zarr.partial; the same command with --resume goes on from there." in ran.err
    ran = run(*words, "--resume", "--json")
    (result,) = ran.json["results"]
    assert (result["resumed"], result["tiles"], result["tiles_skipped"], result["part"]) == (
        True,
        38,
        10,
        None,
    )
    np.testing.assert_array_equal(values(Path("a.zarr")), expected)
    assert sum(result["voxels"].values()) == expected.size
    assert not Path("a.zarr.partial").exists()


def test_an_error_keeps_what_is_finished_too(
    run: Command, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Counting):
        def run(self, window: np.ndarray, *control: object) -> np.ndarray:
            if self.runs == 5:
                raise RuntimeError("the processor melted")
            return super().run(window)

    with monkeypatch.context() as patch:
        patch.setattr(segment_backend, "make_engine", lambda model, *_: Failing(model))
        ran = run(*words, "--json")
    assert ran.code == 1
    assert "the processor melted" in ran.err
    assert "5 of 48 tiles are kept in" in ran.json["results"][0]["error"]
    assert (
        run(*words, "--engine", "torch", "--resume", "--json").json["results"][0]["tiles_skipped"]
        == 5
    )


def test_parts_and_a_merge(run: Command, words: tuple[object, ...], expected: np.ndarray) -> None:
    for part in ("3/3", "1/3"):
        ran = run(*words, "--part", part, "--json")
        assert (ran.code, ran.json["results"][0]["part"], ran.json["results"][0]["tiles"]) == (
            0,
            part,
            16,
        )
    ran = run(*words, "--part", "merge")
    assert ran.code == 1
    assert "16 of 48 tiles are missing in part 2/3" in ran.err
    assert "part 2/3, class 1" in run(*words, "--part", "2/3").out
    ran = run(*words, "--part", "merge", "--json")
    (result,) = ran.json["results"]
    assert (ran.code, ran.json["engine"], result["tiles"], result["tiles_skipped"]) == (
        0,
        None,
        0,
        48,
    )
    assert sum(result["voxels"].values()) == expected.size
    np.testing.assert_array_equal(values(Path("a.zarr")), expected)
    assert run(*words, "--part", "merge").code == 0


@pytest.mark.parametrize(
    "option", [("--resume",), ("--part", "merge"), ("--part", "2/3", "--resume")]
)
def test_a_result_that_is_complete_needs_no_engine(
    run: Command,
    words: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, ...],
) -> None:
    (first,) = run(*words, "--json").json["results"]
    monkeypatch.setattr(segment_backend, "make_engine", lambda *_: pytest.fail("made"))
    ran = run(*words, *option, "--json")
    (again,) = ran.json["results"]
    assert (ran.code, ran.json["engine"], again["tiles"], again["tiles_skipped"]) == (
        0,
        None,
        0,
        48,
    )
    assert again["voxels"] == first["voxels"]
    of_a_part = "2/3" in option  # whose numbers nobody knows any more
    assert again["part"] == (None if of_a_part or "merge" not in option else "merge")
    assert (
        "All parts are complete already; the numbers are those of the whole." in again["notes"]
    ) is of_a_part
    assert "part 2/3" not in run(*words, *option).out


def test_control_c_among_the_coarser_levels_says_how_to_resume(
    run: Command, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramid, "COARSEST_PX", {2: 16, 3: 16})
    with monkeypatch.context() as patch:
        patch.setattr(zarr_levels, "heed", _interrupt)
        ran = run(*words)
    assert ran.code == 130
    assert "48 of 48 tiles are kept in" in ran.err
    (result,) = run(*words, "--resume", "--json").json["results"]
    assert (result["tiles"], result["tiles_skipped"]) == (0, 48)
    assert {path.name for path in Path("a.zarr").iterdir()} == {"0", "1", "2", "zarr.json"}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_several_images_go_on_where_the_batch_was_killed(
    run: Command, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        zarr.create_array(tmp_path / f"{name}.zarr", data=smooth_image((40, 50)))
    given = (
        "segment",
        "a.zarr",
        "b.zarr",
        "--model",
        models["two"],
        "--tile-px",
        16,
        "--output",
        "out",
    )
    with monkeypatch.context() as patch:
        patch.setattr(segment_one, "notes", _interrupt_second())
        assert run(*given).code == 130
    ran = run(*given, "--resume", "--json")
    assert [(result["tiles"], result["tiles_skipped"]) for result in ran.json["results"]] == [
        (0, 12),
        (12, 0),
    ]
    assert sorted(path.name for path in Path("out").iterdir()) == ["a_labels.zarr", "b_labels.zarr"]


def _interrupt_second() -> object:
    calls = iter([[], KeyboardInterrupt])

    def notes(*_: object) -> list[str]:
        if (answer := next(calls)) is KeyboardInterrupt:
            raise KeyboardInterrupt
        return list(answer)  # type: ignore[call-overload]

    return notes


@pytest.mark.parametrize("option", [("--resume",), ("--part", "1/2"), ("--part", "merge")])
def test_a_tiff_is_refused_in_a_sentence(
    run: Command, models: Models, image: Path, option: tuple[str, ...]
) -> None:
    ran = run("segment", image, "--model", models["two"], "--output", "a.tif", *option)
    assert ran.code == 1
    assert f"nothing for {option[0]}. Name the output .zarr." in ran.err


@pytest.mark.parametrize("part", ["5/4", "0/2", "two", "1"])
def test_what_is_no_part_is_wrong_usage(run: Command, words: tuple[object, ...], part: str) -> None:
    ran = run(*words, "--part", part)
    assert ran.code == 2
    assert "such as 2/4" in ran.err


@pytest.fixture
def large(models: Models, tmp_path: Path) -> list[str]:
    """The words for a run long enough to be killed."""
    tifffile.imwrite(
        tmp_path / "big.tif",
        np.round(smooth_image((6, 300, 300)) * 250).astype(np.uint8),
        metadata={"axes": "ZYX"},
    )
    words = ["segment", "big.tif", "--model", str(models["three"]), "--tile-px", "32", "--output"]
    return [sys.executable, "-m", "napari_unet", *words]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_is_resumed(
    run: Command, large: list[str], tmp_path: Path, how: signal.Signals
) -> None:
    process = subprocess.Popen([*large, "a.zarr"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    _wait_for_tiles(tmp_path / "a.zarr.partial", 20, process)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if how is signal.SIGINT else -how)
    assert ("--resume" in said) is (how is signal.SIGINT)
    ran = run(*large[3:], "a.zarr", "--resume", "--json")
    (result,) = ran.json["results"]
    assert result["tiles_skipped"] >= 20
    assert result["tiles"] + result["tiles_skipped"] == 600
    assert run(*large[3:], "whole.zarr").code == 0
    np.testing.assert_array_equal(values(tmp_path / "a.zarr"), values(tmp_path / "whole.zarr"))


def _wait_for_tiles(folder: Path, tiles: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (
            sum(
                b'"tile"' in record
                for path in folder.glob("*.journal")
                for record in read_records(path)
            )
            >= tiles
        ):
            return
        time.sleep(0.01)
    pytest.fail("nothing was finished")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a script for bash")
def test_the_script_for_slurm_works_with_its_jobs_at_once(
    run: Command, large: list[str], tmp_path: Path
) -> None:
    scripts = re.findall(
        r"```bash\n(.*?)```", (DOCS / "clusters.md").read_text(encoding="utf-8"), re.DOTALL
    )
    model = large[large.index("--model") + 1]
    changes = {"scan.zarr": "big.tif", "--model nuclei-2d": f"--model '{model}' --tile-px 64"}
    for old, new in changes.items():
        scripts = [script.replace(old, new) for script in scripts]
    command = tmp_path / "bin" / "napari-unet"
    command.parent.mkdir()
    command.write_text(f'#!/bin/bash\nexec "{sys.executable}" -m napari_unet "$@"\n')
    command.chmod(0o755)
    known = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_COUNT": "4",
    }
    numbers = [{**known, "SLURM_ARRAY_TASK_ID": str(number)} for number in (1, 2, 3, 4)]
    jobs = [subprocess.Popen(["bash", "-c", scripts[0]], cwd=tmp_path, env=env) for env in numbers]
    assert [job.wait(120) for job in jobs] == [0, 0, 0, 0]
    subprocess.run(
        ["bash", "-ec", scripts[1]], cwd=tmp_path, env=known, check=True
    )  # finds all of them done, and merges
    assert (
        run("segment", "big.tif", "--model", model, "--tile-px", 64, "--output", "whole.zarr").code
        == 0
    )
    np.testing.assert_array_equal(values(tmp_path / "labels.zarr"), values(tmp_path / "whole.zarr"))
    assert not (tmp_path / "labels.zarr.partial").exists()


@pytest.mark.parametrize("name", ["labels.tif", "labels.zarr"])
def test_borders_without_image_are_reported_whatever_is_written(
    run: Command, models: dict[str, Path], tmp_path: Path, name: str
) -> None:
    noise = np.random.default_rng(0).normal(0, 4, (96, 120))
    image = (100 + 400 * smooth_image((96, 120)) + noise).astype(np.uint16)
    image[:, :6] = 0
    tifffile.imwrite(tmp_path / "band.tif", image)
    ran = run(
        "segment", tmp_path / "band.tif", "--model", models["two"], "--output", name, "--json"
    )
    assert any("counts as no image" in note for note in ran.json["results"][0]["notes"])
