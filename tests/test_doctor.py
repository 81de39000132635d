import json
import subprocess
from typing import Any

import pytest

from napari_unet import doctor


@pytest.fixture(scope="module")
def healthy() -> dict[str, Any]:
    return {
        "version": "1.0", "folder": "/x", "python": "3.11.2", "executable": "/py", "platform": "Linux-6", "cores": 2,
        "ram_bytes": 2**34, "ram_available_bytes": 2**33, "packages": {"torch": "2.13.0", "numpy": "2.0"}, "napari": "0.9.2",
        "qt": {"PyQt6": "6.11"}, "nvidia": [], "models_folder": "/m", "conflict": None,
        "torch": {"version": "2.13.0+cpu", "build": "cpu", "problem": ""},
        "devices": [{"name": "cpu", "label": "Processor", "usable": True, "reason": "", "memory_bytes": 2**33}],
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
        ({"torch": {"version": None, "build": None, "problem": "WinError 1114"}, "platform": "Windows-11"}, "winget install"),
    ],
)
def test_each_lack_gets_one_line_to_copy(healthy: dict[str, Any], found: dict[str, Any], wanted: str) -> None:
    lines = doctor.advice(healthy | found)
    assert len(lines) == 1
    assert wanted in lines[0]
    assert "\n" not in lines[0]


def test_render_shows_a_broken_torch_and_a_device_that_can_not_be_used(healthy: dict[str, Any]) -> None:
    gpu = {"name": "cuda:0", "label": "Old GPU", "usable": False, "reason": "no kernels", "memory_bytes": None}
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
