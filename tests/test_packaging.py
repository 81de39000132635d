"""The distribution: what it requires, and that napari finds its manifest, however installed."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from helpers.source_tree import PACKAGE, ROOT, WINDOW, third_parties
from napari_unet import __version__

NEEDED_TO_BUILD = (
    "pyproject.toml",
    "hatch_build.py",
    "napari.yaml",
    "README.md",
    "LICENSE",
    ".gitignore",
)
WITH_NAPARI = {"yaml"}  # dask brings it too, so it may be there without a window
PRINT_MANIFEST = """
import json
from npe2 import PluginManifest
import napari_unet
manifest = PluginManifest.from_distribution("napari-unet-loop")
facts = {
    "name": manifest.name,
    "version": manifest.package_version,
    "commands": [command.python_name for command in manifest.contributions.commands],
    "package": napari_unet.__file__,
}
print(json.dumps(facts))
"""

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="needs the source tree"
)


@pytest.fixture(autouse=True)
def _source_is_not_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build needs, without anything that earlier builds left."""
    folder = tmp_path_factory.mktemp("project")
    for name in NEEDED_TO_BUILD:
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        PACKAGE,
        folder / "src" / "napari_unet",
        ignore=shutil.ignore_patterns("__pycache__", "napari.yaml"),
    )
    return folder


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, project)
    return next(folder.glob("*.whl"))


def pip(*arguments: str | Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def fresh_environment(folder: Path) -> Path:
    """The Python of a new environment that sees the libraries installed here, but not this
    project's installation.
    """
    venv.create(folder, symlinks=True)
    paths = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    (own / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Path(sysconfig.get_path("scripts", "venv", vars=paths)) / "python"


def manifest_found_by(python: Path) -> dict[str, Any]:
    validation = subprocess.run(
        [python, "-m", "npe2", "validate", "napari-unet-loop"], capture_output=True, text=True
    )
    assert validation.returncode == 0, validation.stdout + validation.stderr
    ran = subprocess.run([python, "-c", PRINT_MANIFEST], capture_output=True, text=True, check=True)
    facts: dict[str, Any] = json.loads(ran.stdout)
    return facts


@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_npe2_finds_the_manifest(way: str, project: Path, wheel: Path, tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / way)
    source = [wheel] if way == "wheel" else ["--no-build-isolation", "--editable", project]
    pip("--python", python, "install", "--no-deps", "--no-index", *source)
    facts = manifest_found_by(python)
    home = tmp_path if way == "wheel" else project
    assert Path(facts["package"]).is_relative_to(home)
    assert facts["name"] == "napari-unet-loop"
    assert facts["version"] == __version__
    assert "napari_unet.widgets.segment.dock:SegmentWidget" in facts["commands"]


def test_wheel_holds_the_manifest_once_and_all_of_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    files = {
        file.relative_to(PACKAGE.parent).as_posix()
        for file in PACKAGE.rglob("*")
        if file.suffix in (".py", ".safetensors", ".svg")
    }
    assert names.count("napari_unet/napari.yaml") == 1
    assert files <= set(names)
    assert all(name.startswith(("napari_unet/", "napari_unet_loop-")) for name in names)


def test_this_installation_has_the_manifest_of_the_root() -> None:
    assert (PACKAGE / "napari.yaml").read_bytes() == (ROOT / "napari.yaml").read_bytes(), (
        "install the project again"
    )


def requirements(extra: str | None = None) -> set[str]:
    """The distributions that are required, without extras or by one of them."""
    lines = metadata.requires("napari-unet-loop") or []
    wanted = [
        line
        for line in lines
        if (f"extra == '{extra}'" in line.replace('"', "'") if extra else "extra ==" not in line)
    ]
    return {re.split(r"[^\w.-]", line)[0] for line in wanted}


def test_the_window_is_required_by_one_extra_only() -> None:
    assert requirements().isdisjoint({name.lower() for name in WINDOW} | set(WINDOW))
    assert requirements("all") == {"napari", "pyqtgraph"}


def test_openvino_is_required_by_one_extra_only() -> None:
    assert requirements("openvino") == {"openvino"}
    assert "openvino" not in requirements() | requirements("all") | requirements("test")


def test_dask_is_required_by_one_extra_only() -> None:
    assert requirements("cluster") == {"distributed"}
    assert requirements().isdisjoint({"dask", "distributed"})


def test_every_library_is_imported_and_every_import_is_declared() -> None:
    imported = (
        {name for file in PACKAGE.rglob("*.py") for name in third_parties(file)}
        - set(sys.stdlib_module_names)
        - {"napari_unet"}
    )
    assert imported - set(WINDOW) - WITH_NAPARI == requirements().union(
        *map(requirements, ("cluster", "openvino"))
    )


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    required = requirements().union(*map(requirements, ("all", "cluster", "openvino")))
    assert [name for name in sorted(required) if f"| `{name}` |" not in text] == []


def test_hub_finds_what_it_shows() -> None:
    facts = metadata.metadata("napari-unet-loop")
    links = {line.partition(",")[0] for line in facts.get_all("Project-URL") or []}
    assert "Framework :: napari" in (facts.get_all("Classifier") or [])
    assert facts["License-Expression"] == "BSD-3-Clause"
    assert {"Homepage", "Bug Tracker", "Documentation", "Source Code", "User Support"} <= links
    assert 20 < len(facts["Summary"]) < 160
