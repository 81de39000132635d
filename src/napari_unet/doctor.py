"""What this installation has and lacks: plain values for programs, lines of text for people."""

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from napari_unet import __version__
from napari_unet.devices import core_count, cpu_device, ram_available_bytes
from napari_unet.errors import TorchUnavailableError
from napari_unet.model.library import user_folder
from napari_unet.segment.engine.kinds import openvino_version
from napari_unet.words import data_size, plural

PACKAGES = (
    "torch", "numpy", "scipy", "safetensors", "pydantic", "tifffile", "imagecodecs", "zarr",
    "openvino", "napari", "npe2", "qtpy", "superqt", "magicgui",
)  # fmt: skip
QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
TORCH_FLOOR = (2, 10)
NVIDIA_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
NVIDIA_PATIENCE_S = 10
WINDOWS_RUNTIME = "winget install Microsoft.VCRedist.2015+.x64"


def report() -> dict[str, Any]:
    """Everything `doctor` knows, as values for json; imports torch, which takes seconds."""
    facts: dict[str, Any] = {
        "version": __version__,
        "folder": str(Path(__file__).parent),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cores": core_count(),
        "ram_bytes": _ram_bytes(),
        "ram_available_bytes": ram_available_bytes(),
        "packages": {name: version_of(name) for name in PACKAGES},
        "napari": version_of("napari"),
        "qt": _qt_bindings(),
        "nvidia": _nvidia_gpus(),
        "models_folder": str(user_folder()),
        "conflict": version_of("napari-unet"),
        **_torch_facts(),
    }
    facts["engines"] = _engines(facts["torch"])
    return facts | {"advice": advice(facts)}


def advice(report: dict[str, Any]) -> list[str]:
    """What to do about what `report` found: a line each, the reason and then a command to copy."""
    checks = (_conflict_advice, _torch_advice, _gpu_advice, _engine_advice, _window_advice)
    return [line for check in checks if (line := check(report))]


def render(report: dict[str, Any]) -> str:
    """The report as lines of text, the advice at the end."""
    rows = [
        ("napari-unet-loop", f"{report['version']} in {report['folder']}"),
        ("Python", f"{report['python']} ({report['executable']})"),
        ("System", report["platform"]),
        ("Processor", _processor_line(report)),
        ("PyTorch", _torch_line(report["torch"])),
        ("Devices", "; ".join(_device_line(device) for device in report["devices"])),
        ("Engines", "; ".join(_engine_line(engine) for engine in report["engines"])),
        ("napari", report["napari"] or "not installed"),
        (
            "Qt",
            ", ".join(f"{name} {version}" for name, version in report["qt"].items())
            or "not installed",
        ),
        (
            "Packages",
            ", ".join(
                f"{name} {version}" for name, version in report["packages"].items() if version
            ),
        ),
        ("Your models", report["models_folder"]),
    ]
    lines = [f"{title + ':':<18}{text}" for title, text in rows]
    return "\n".join([*lines, "", *(report["advice"] or ["Nothing is missing."])])


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution; None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _qt_bindings() -> dict[str, str]:
    found = {name: version_of(name) or version_of(f"{name}-Essentials") for name in QT_BINDINGS}
    return {name: version for name, version in found.items() if version}


def _torch_facts() -> dict[str, Any]:
    try:
        from napari_unet.model.torch_import import find_devices, torch
    except TorchUnavailableError as error:
        return {
            "torch": {"version": None, "build": None, "problem": str(error)},
            "devices": [cpu_device().as_dict()],
        }
    if torch.version.cuda:
        build = f"cuda {torch.version.cuda}"
    else:
        build = f"rocm {torch.version.hip}" if torch.version.hip else "cpu"
    facts = {"version": str(torch.__version__), "build": build, "problem": ""}
    return {"torch": facts, "devices": [device.as_dict() for device in find_devices()]}


def _engines(torch: dict[str, Any]) -> list[dict[str, Any]]:
    """What can run a network here; OpenVINO is looked for, not imported, and needs torch to read
    models.
    """
    openvino = openvino_version()
    without_torch = "it needs PyTorch" if torch["problem"] else ""
    reason = "not installed" if openvino is None else without_torch
    return [
        {
            "name": "torch",
            "version": torch["version"],
            "usable": not torch["problem"],
            "reason": torch["problem"],
        },
        {"name": "openvino", "version": openvino, "usable": not reason, "reason": reason},
    ]


def _nvidia_gpus() -> list[str]:
    """The NVIDIA GPUs of the machine as its driver names them, whatever build of torch is
    installed.
    """
    if shutil.which(NVIDIA_QUERY[0]) is None:
        return []
    try:
        answer = subprocess.run(
            NVIDIA_QUERY, capture_output=True, text=True, timeout=NVIDIA_PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _ram_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _conflict_advice(report: dict[str, Any]) -> str:
    if not report["conflict"]:
        return ""
    python = report["executable"]
    return (
        f"The other distribution 'napari-unet' {report['conflict']} owns the same folder "
        "napari_unet, so both are damaged. Run: "
        f'"{python}" -m pip uninstall -y napari-unet napari-unet-loop && '
        f'"{python}" -m pip install napari-unet-loop'
    )


def _torch_advice(report: dict[str, Any]) -> str:
    torch = report["torch"]
    install = f'"{report["executable"]}" -m pip install --upgrade "torch>=2.10"'
    if report["packages"]["torch"] is None:
        return f"PyTorch is not installed. Run: {install}"
    if torch["problem"] and "Windows" in report["platform"]:
        return (
            "PyTorch does not start; Windows may lack the Visual C++ "
            f"runtime. Run: {WINDOWS_RUNTIME}"
        )
    if torch["problem"]:
        return f"PyTorch does not start. Run: {install} --force-reinstall"
    if _numbers(torch["version"]) < TORCH_FLOOR:
        return f"PyTorch {torch['version']} is too old to open model files safely. Run: {install}"
    return ""


def _gpu_advice(report: dict[str, Any]) -> str:
    if not report["nvidia"] or report["torch"]["build"] != "cpu":
        return ""
    python = report["executable"]
    return (
        f"There is an NVIDIA GPU ({report['nvidia'][0]}), but PyTorch is a "
        "processor-only build. Run: "
        f'"{python}" -m pip install uv && '
        f'"{python}" -m uv pip install --python "{python}" --reinstall torch --torch-backend=auto'
    )


def _engine_advice(report: dict[str, Any]) -> str:
    """Where the processor is all there is, OpenVINO is faster."""
    on_card = any(device["usable"] and device["name"] != "cpu" for device in report["devices"])
    versions = {engine["name"]: engine["version"] for engine in report["engines"]}
    if on_card or versions.get("openvino"):
        return ""
    return (
        "OpenVINO is not installed; it segments faster than PyTorch on a processor. Run: "
        f'"{report["executable"]}" -m pip install "napari-unet-loop[openvino]"'
    )


def _window_advice(report: dict[str, Any]) -> str:
    python = report["executable"]
    if report["napari"] is None:
        return (
            "napari is not installed; only the window needs it. Run: "
            f'"{python}" -m pip install "napari[all]>=0.9"'
        )
    if not report["qt"]:
        return (
            "napari has no Qt to draw its window with. Run: "
            f'"{python}" -m pip install "napari[pyqt6]"'
        )
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())


def _processor_line(report: dict[str, Any]) -> str:
    free = data_size(report["ram_available_bytes"])
    return (
        f"{plural(report['cores'], 'core')}, {free} of {data_size(report['ram_bytes'])} memory free"
    )


def _torch_line(torch: dict[str, Any]) -> str:
    return torch["problem"] or f"{torch['version']} ({torch['build']})"


def _device_line(device: dict[str, Any]) -> str:
    memory = f", {data_size(device['memory_bytes'])}" if device["memory_bytes"] else ""
    refusal = "" if device["usable"] else f", not usable: {device['reason']}"
    return f"{device['name']} = {device['label']}{memory}{refusal}"


def _engine_line(engine: dict[str, Any]) -> str:
    return f"{engine['name']} {engine['version'] or ''}".strip() + (
        f", {engine['reason']}" if engine["reason"] else ""
    )
