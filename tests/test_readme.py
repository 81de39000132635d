"""What the README promises is there."""

import re
from pathlib import Path

import pytest
import tifffile

from helpers.source_tree import PACKAGE, ROOT
from napari_unet.scans.samples.samples import nuclei_2d

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="needs the source tree")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_pictures_and_links_into_the_repository_exist(text: str) -> None:
    paths = re.findall(r"napari-unet/napari-unet/(?:blob/)?main/([\w./-]+)", text)
    assert any(path.endswith(".png") for path in paths)
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_two_commands_are_there_and_the_tests_are_what_is_checked(text: str) -> None:
    commands = set(re.findall(r"^make (\w+)$", text, re.MULTILINE))
    targets = set(
        re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert commands == {"demo", "test"}
    assert commands <= targets
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_five_lines_of_python_do_what_they_say(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    tifffile.imwrite(tmp_path / "scan.tif", nuclei_2d().image[:128, :128])
    monkeypatch.chdir(tmp_path)
    exec(code[1], {})
    share = float(re.match(r"([\d.]+)% of the image", capsys.readouterr().out)[1])  # type: ignore[index]
    assert 2 < share < 60


def test_the_example_of_a_limited_time_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    code = re.search(r"<!-- a test runs this -->\n```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    names = {"image": nuclei_2d().image[:64, :64]}
    exec(code[1], names)
    assert names["labels"].shape == (64, 64)
    assert "Progress(done=1, total=1" in capsys.readouterr().out


def test_nobody_is_told_to_install_the_other_project() -> None:
    files = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *PACKAGE.rglob("*.py"),
        ROOT / "napari.yaml",
    ]
    wrong = re.compile(r"\binstall [^`\n&;]*napari-unet(?!-loop|[\w/])")
    assert [file.name for file in files if wrong.search(file.read_text(encoding="utf-8"))] == []
