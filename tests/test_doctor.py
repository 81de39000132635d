import json
import subprocess
from typing import Any

import pytest

from napari_unet import doctor


@pytest.fixture(scope="module")
def healthy() -> dict[str, Any]:
    return {
        "version": "1.0", "folder": "/x", "python": "3.11.2", "executable": "/py",
        "platform": "Linux-6", "cores": 2, "ram_bytes": 2**34, "ram_available_bytes": 2**33,
        "packages": {"torch": "2.13.0", "numpy": "2.0"}, "napari": "0.9.2",
        "qt": {"PyQt6": "6.11"}, "nvidia": [], "models_folder": "/m", "conflict": None,
        "torch": {"version": "2.13.0+cpu", "build": "cpu", "problem": ""},
        "engines": [
            {"name": "torch", "version": "2.13.0+cpu", "usable": True, "reason": ""},
            {"name": "openvino", "version": "2026.4.1", "usable": True, "reason": ""},
        ],
        "devices": [
            {"name": "cpu", "label": "Processor", "usable": True, "reason": "",
             "memory_bytes": 2**33},
        ],
        "advice": [],
    }  # fmt: skip


def test_report_can_be_written_as_json_and_knows_the_processor() -> None:
    facts = json.loads(json.dumps(doctor.report()))
    assert facts["devices"][-1]["name"] == "cpu"
    assert facts["torch"]["version"].startswith(facts["packages"]["torch"].partition("+")[0])
    assert 0 < facts["ram_available_bytes"] <= facts["ram_bytes"]


def test_healthy_installation_gets_no_advice(healthy: dict[str, Any]) -> None:
    assert doctor.advice(healthy) == []
    assert doctor.render(healthy).endswith("Nothing is missing.")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"conflict": "1.0.0"}, "uninstall -y napari-unet napari-unet-loop"),
        ({"napari": None}, '"napari[all]>=0.9"'),
        ({"qt": {}}, "napari[pyqt6]"),
        ({"nvidia": ["NVIDIA H200, 580.1"]}, "--torch-backend=auto"),
        ({"packages": {"torch": None}}, '"torch>=2.10"'),
        ({"torch": {"version": "2.9.1", "build": "cuda 12.8", "problem": ""}}, "too old"),
        ({"torch": {"version": None, "build": None, "problem": "broken"}}, "--force-reinstall"),
        (
            {
                "torch": {"version": None, "build": None, "problem": "WinError 1114"},
                "platform": "Windows-11",
            },
            "winget install",
        ),
    ],
)
def test_each_lack_gets_one_line_to_copy(
    healthy: dict[str, Any], found: dict[str, Any], wanted: str
) -> None:
    lines = doctor.advice(healthy | found)
    assert len(lines) == 1
    assert wanted in lines[0]
    assert "\n" not in lines[0]


NO_OPENVINO = {"name": "openvino", "version": None, "usable": False, "reason": "not installed"}
CARD = {
    "name": "cuda:0",
    "label": "NVIDIA H200",
    "usable": True,
    "reason": "",
    "memory_bytes": None,
}


def test_a_missing_engine_gets_one_line_to_copy_where_the_processor_is_all_there_is(
    healthy: dict[str, Any],
) -> None:
    lacking = healthy | {"engines": [healthy["engines"][0], NO_OPENVINO]}
    (line,) = doctor.advice(lacking)
    assert line.endswith('Run: "/py" -m pip install "napari-unet-loop[openvino]"')
    assert "torch 2.13.0+cpu; openvino, not installed" in doctor.render(lacking)
    assert doctor.advice(lacking | {"devices": [CARD, *healthy["devices"]]}) == []


@pytest.mark.parametrize(
    ("version", "problem", "usable"),
    [("2026.4.1", "", True), (None, "", False), ("2026.4.1", "broken", False)],
)
def test_engines_are_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, version: str | None, problem: str, usable: bool
) -> None:
    monkeypatch.setattr(doctor, "openvino_version", lambda: version)
    torch, openvino = doctor._engines({"version": "2.13.0", "problem": problem})
    assert (torch["name"], torch["usable"]) == ("torch", not problem)
    assert (openvino["name"], openvino["version"], openvino["usable"]) == (
        "openvino",
        version,
        usable,
    )
    assert bool(openvino["reason"]) != usable


def test_render_shows_a_broken_torch_and_a_device_that_can_not_be_used(
    healthy: dict[str, Any],
) -> None:
    gpu = {
        "name": "cuda:0",
        "label": "Old GPU",
        "usable": False,
        "reason": "no kernels",
        "memory_bytes": None,
    }
    broken = {"version": None, "build": None, "problem": "PyTorch can not be imported."}
    text = doctor.render(healthy | {"devices": [gpu], "torch": broken})
    assert "cuda:0 = Old GPU, not usable: no kernels" in text
    assert "PyTorch can not be imported." in text


def test_silent_nvidia_driver_means_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(doctor.subprocess, "run", refuse)
    assert doctor.report()["nvidia"] == []


def test_absent_distribution_has_no_version() -> None:
    assert doctor.version_of("no-such-distribution") is None
    assert doctor.version_of("numpy") is not None
