"""What an import may load, seen in fresh interpreters, since this one has everything loaded."""

import os
import subprocess
import sys

import pytest

from helpers.source_tree import PACKAGE, WINDOW, third_parties

HELP = "import sys; sys.argv = ['napari-unet', '--help']; from napari_unet.cli import main; main()"


def modules_after(code: str) -> set[str]:
    """The names in sys.modules of a fresh interpreter after `code`, whether it exits or not."""
    script = f"import atexit, sys\natexit.register(lambda: print('LOADED', *sys.modules))\n{code}"
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("LOADED ")[2].split())


@pytest.fixture(scope="module")
def after_help() -> set[str]:
    return modules_after(HELP)


def import_lines(*rooms: str) -> str:
    files = [file for room in rooms for file in sorted(PACKAGE.glob(room))]
    names = [
        ".".join(("napari_unet", *file.relative_to(PACKAGE).with_suffix("").parts))
        for file in files
    ]
    return "\n".join(f"import {name.removesuffix('.__init__')}" for name in names)


def test_importing_the_package_costs_nothing() -> None:
    loaded = modules_after("import napari_unet")
    assert "napari_unet" in loaded
    assert loaded.isdisjoint({"torch", "openvino", "numpy", "pydantic", *WINDOW})


def test_help_needs_neither_arrays_nor_window(after_help: set[str]) -> None:
    assert "napari_unet.cli" in after_help
    assert after_help.isdisjoint(
        {"torch", "openvino", "distributed", "numpy", "rich.console", *WINDOW}
    )


def test_segment_widget_needs_no_engine() -> None:
    loaded = modules_after("import napari_unet.widgets.segment.dock")
    assert "qtpy" in loaded
    assert loaded.isdisjoint({"torch", "openvino"})


def test_the_doctor_looks_for_openvino_without_importing_it() -> None:
    loaded = modules_after("from napari_unet.doctor import report; assert report()['engines']")
    assert "torch" in loaded
    assert "openvino" not in loaded


def test_torch_runs_where_openvino_is_never_imported() -> None:
    assert "openvino" not in modules_after(
        "import napari_unet.segment.run, napari_unet.learn.train, napari_unet.segment.engine"
    )


@pytest.mark.parametrize(
    "module",
    [
        "model.library",
        "model.config",
        "segment.settings",
        "segment.check",
        "segment.job",
        "segment.engine.kinds",
        "segment.engine.speed_cache",
        "segment.estimate",
    ],
)
def test_what_is_known_before_a_run_needs_no_engine(module: str) -> None:
    assert modules_after(f"import napari_unet.{module}").isdisjoint({"torch", "openvino"})


@pytest.mark.parametrize("module", ["model.config", "segment.settings"])
def test_settings_need_pydantic_alone(module: str) -> None:
    loaded = modules_after(f"import napari_unet.{module}")
    assert "pydantic" in loaded
    assert loaded.isdisjoint({"torch", "numpy", "scipy", *WINDOW})


def test_rooms_below_the_window_run_where_it_is_not_installed() -> None:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({WINDOW}))\n"
    lines = import_lines("*.py", "[!w]*/**/*.py").splitlines()
    rooms = "\n".join(line for line in lines if "openvino" not in line and ".dask_" not in line)
    loaded = modules_after(blocked + rooms)
    assert {
        "napari_unet.segment.run",
        "napari_unet.learn",
        "napari_unet.cli.app",
        "napari_unet.doctor",
    } <= loaded


def test_torch_comes_in_by_one_door() -> None:
    doors = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if "torch" in third_parties(file)
    }
    assert doors == {"model/torch_import.py"}


def test_dask_is_not_imported_before_a_scheduler_is_named() -> None:
    loaded = modules_after(
        "import napari_unet.cli.segment.images, napari_unet.segment.cluster.worker_process"
    )
    assert "napari_unet.segment.cluster.connect" in loaded
    assert loaded.isdisjoint({"dask", "distributed"})


def test_dask_comes_in_by_one_door() -> None:
    doors = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if {"dask", "distributed"} & third_parties(file)
    }
    assert doors == {"segment/cluster/dask_import.py"}


def test_openvino_comes_in_by_one_door() -> None:
    doors = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if "openvino" in third_parties(file)
    }
    assert doors == {"segment/engine/openvino_import.py"}
