"""Memory that can be taken: the machine's, a container's, a card's."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from napari_unet import devices
from napari_unet.model import torch_import
from napari_unet.model.torch_import import free_bytes, torch

GB = 2**30
V1 = "memory/memory"


def container(folder: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the system's; the machine has 16 GB, of which 10 are free."""
    monkeypatch.setattr(devices, "CGROUP", tmp_path)
    monkeypatch.setattr(devices, "OWN_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GB, available=10 * GB)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("files", "total", "free"),
    [
        ({}, 16, 10),
        ({"memory.max": 8 * GB, "memory.current": 5 * GB}, 8, 3),
        (
            {
                "memory.max": 8 * GB,
                "memory.current": 5 * GB,
                "memory.stat": f"anon 7\ninactive_file {4 * GB}",
            },
            8,
            7,
        ),
        ({"memory.max": 8 * GB, "memory.current": 9 * GB}, 8, 0),
        ({"memory.max": "max", "memory.current": 5 * GB}, 16, 10),
        ({"memory.max": 64 * GB, "memory.current": 5 * GB}, 16, 10),
        ({"memory.max": 8 * GB, "memory.current": 5 * GB, "memory.stat": "torn"}, 8, 3),
        (
            {
                f"{V1}.limit_in_bytes": 4 * GB,
                f"{V1}.usage_in_bytes": 3 * GB,
                f"{V1}.stat": f"total_inactive_file {GB}",
            },
            4,
            2,
        ),
        ({f"{V1}.limit_in_bytes": 2**63 - 4096, f"{V1}.usage_in_bytes": 3 * GB}, 16, 10),
    ],
)
def test_the_limit_of_a_container_counts(
    groups: Path, files: dict[str, object], total: int, free: int
) -> None:
    container(groups, files)
    assert devices.ram_total_bytes() == total * GB
    assert devices.ram_available_bytes() == free * GB


@pytest.mark.parametrize(
    ("own", "folder", "names"),
    [
        ("0::/job_7/step_0", "job_7", ("memory.max", "memory.current")),
        (
            "3:cpu,memory:/job_7/step_0\n0::/",
            "memory/job_7",
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ),
    ],
)
def test_a_limit_of_a_group_around_the_own_one_counts(
    groups: Path, own: str, folder: str, names: tuple[str, str]
) -> None:
    (groups / "cgroup").write_text(f"{own}\n")
    container(
        groups, {f"{folder}/{name}": size * GB for name, size in zip(names, (2, 1), strict=True)}
    )
    container(
        groups,
        {f"{folder}/step_0/{name}": size * GB for name, size in zip(names, (9, 1), strict=True)},
    )
    assert devices.ram_total_bytes() == 2 * GB
    assert devices.ram_available_bytes() == GB


def test_a_card_has_memory_of_its_own(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = []
    monkeypatch.setattr(
        torch.cuda, "mem_get_info", lambda device: cards.append(device) or (3 * GB, 8 * GB)
    )
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2 * GB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: GB)
    assert free_bytes("cuda:1") == 4 * GB
    assert cards == ["cuda:1"]
    assert free_bytes("cpu") == 10 * GB


@pytest.mark.parametrize(("recommended", "taken", "free"), [(6, 1, 5), (12, 1, 10), (2, 3, 0)])
def test_metal_lends_a_part_of_the_machines_memory(
    groups: Path, monkeypatch: pytest.MonkeyPatch, recommended: int, taken: int, free: int
) -> None:
    lent = SimpleNamespace(
        recommended_max_memory=lambda: recommended * GB, current_allocated_memory=lambda: taken * GB
    )
    monkeypatch.setattr(torch_import.torch, "mps", lent)
    assert free_bytes("mps") == free * GB
