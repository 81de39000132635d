"""`make` on a bare machine, with everything that would change the machine replaced by a stand-in
that writes down its call.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.source_tree import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux",
    reason="the scripts are for Debian and Ubuntu; elsewhere they do nothing",
)
SHELL = ("bash", "dirname", "printf", "touch", "env", "mkdir", "chmod")
NOTE = '#!/bin/bash\necho "$(basename "$0") $*" >>"$CALLS"\n'
LACKS_TORCH = 'case "$*" in *import*torch*) exit 1;; esac\n'
LACKS_CPU_BUILD = 'case "$*" in *torch==2.13.0+cpu*) exit 1;; esac\n'
LACKS_QT = 'case "$*" in *ctypes*libxcb-cursor.so.0 | *ensurepip*) exit 1;; esac\n'
MAKES_VENV = 'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$4/bin"; cp "$STORE"/* "$4/bin"; fi\n'


class Machine:
    """A checkout with the scripts alone, and a PATH on which there are stand-ins alone."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self._bin, self._store = (
            folder / name for name in ("checkout", "bin", "store")
        )
        self._calls = folder / "calls"
        (self.checkout / "scripts").mkdir(parents=True)
        for name in ("setup.sh", "system_packages.sh"):
            shutil.copy(ROOT / "scripts" / name, self.checkout / "scripts")
        self._bin.mkdir()
        self._store.mkdir()
        for name in (*SHELL, "basename", "cp"):
            (self._bin / name).symlink_to(shutil.which(name) or "")
        self.stand_in("Xvfb", "xauth", "apt-get", "python3")
        self.user(0)

    def stand_in(self, *names: str, does: str = "") -> None:
        for name in names:
            _write(self._bin / name, NOTE + does)

    def user(self, number: int) -> None:
        _write(self._bin / "id", f"#!/bin/bash\necho {number}\n")

    def venv_has(self, **does: str) -> None:
        """What a new virtual environment brings."""
        self.stand_in("python3", does=MAKES_VENV)
        for name in ("python", "pip", "uv"):
            _write(
                self._store / name,
                NOTE.replace("$(basename", "venv/$(basename") + does.get(name, ""),
            )

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": str(self._bin), "CALLS": str(self._calls), "STORE": str(self._store), **more}
        path = str(self.checkout / "scripts" / script)
        return subprocess.run(
            [path],
            env=own,
            cwd=self.checkout,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def calls(self, begin: str) -> list[str]:
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [line for line in lines if line.startswith(begin)]


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def installs(machine: Machine) -> list[str]:
    return [line for line in machine.calls("apt-get") if "install" in line]


def test_as_root_all_that_is_missing_is_installed_at_once(machine: Machine) -> None:
    machine.stand_in("python3", does=LACKS_QT)
    assert machine.run("system_packages.sh").returncode == 0
    (line,) = installs(machine)
    assert {"libxcb-cursor0", "python3-venv", "--no-install-recommends", "-y"} <= set(line.split())
    assert not {"libegl1", "xvfb", "xauth"} & set(line.split())
    assert machine.calls("apt-get")[0].startswith("apt-get update")


def test_an_ordinary_user_is_told_the_one_line_to_run(machine: Machine) -> None:
    machine.user(1000)
    machine.stand_in("python3", does=LACKS_QT)
    ran = machine.run("system_packages.sh")
    (line,) = [line for line in ran.stderr.splitlines() if "sudo" in line]
    assert ran.returncode == 1
    assert line.strip().startswith("sudo apt-get update && sudo apt-get install -y")
    assert {"libxcb-cursor0", "python3-venv"} <= set(line.split())
    assert machine.calls("apt-get") == []


def test_what_is_complete_is_left_alone(machine: Machine) -> None:
    expected = {
        "libgl1-mesa-dri",
        "fonts-dejavu-core",
    }  # looked for by path; whatever this machine has of them
    assert machine.run("system_packages.sh").returncode == 0
    assert all(set(line.split()[5:]) <= expected for line in installs(machine))


def test_an_ordinary_user_with_missing_packages_gets_no_environment(machine: Machine) -> None:
    machine.user(1000)
    machine.stand_in("python3", does=LACKS_QT)
    assert machine.run("setup.sh").returncode == 1
    assert machine.calls("python3 -m venv") == []
    assert not (machine.checkout / ".venv").exists()


def test_the_build_for_the_processor_is_taken_where_it_can_be_had(machine: Machine) -> None:
    machine.venv_has(python=LACKS_TORCH)
    assert machine.run("setup.sh").returncode == 0
    assert [line.split()[-1] for line in machine.calls("venv/pip")] == [
        "torch==2.13.0+cpu",
        ".[all,cluster,openvino,test]",
    ]
    assert machine.calls("venv/uv") == []
    assert (machine.checkout / ".venv" / "ready").exists()


def test_else_uv_chooses_the_build_that_fits_the_machine(machine: Machine) -> None:
    machine.venv_has(python=LACKS_TORCH, pip=LACKS_CPU_BUILD)
    assert machine.run("setup.sh").returncode == 0
    (line,) = machine.calls("venv/uv")
    assert {
        "pip",
        "install",
        "--torch-backend=auto",
        "torch>=2.10",
        "--python",
        ".venv/bin/python",
    } <= set(line.split())
    assert [line.split()[-1] for line in machine.calls("venv/pip")] == [
        "torch==2.13.0+cpu",
        "uv",
        ".[all,cluster,openvino,test]",
    ]


def test_a_torch_that_is_there_is_kept(machine: Machine) -> None:
    machine.venv_has()
    assert machine.run("setup.sh").returncode == 0
    assert machine.run("setup.sh").returncode == 0
    assert {line.split()[-1] for line in machine.calls("venv/pip")} == {
        ".[all,cluster,openvino,test]"
    }
    assert len(machine.calls("python3 -m venv")) == 1


def test_where_torch_can_not_be_had_it_is_not_called_ready(machine: Machine) -> None:
    machine.venv_has(python=LACKS_TORCH, pip=LACKS_CPU_BUILD, uv="exit 1\n")
    assert machine.run("setup.sh").returncode != 0
    assert not (machine.checkout / ".venv" / "ready").exists()


def test_an_old_python_is_refused_with_the_line_that_names_another(machine: Machine) -> None:
    machine.stand_in("python3", does='case "$*" in *version_info*) exit 1;; esac\n')
    ran = machine.run("setup.sh")
    assert ran.returncode == 1
    assert "make PYTHON=/path/to/python3.11" in ran.stderr
    assert machine.calls("apt-get") == []


def test_another_python_is_used_throughout(machine: Machine) -> None:
    machine.venv_has()
    machine.stand_in("python3", does="exit 1\n")
    machine.stand_in("other", does=MAKES_VENV)
    assert machine.run("setup.sh", PYTHON="other").returncode == 0
    assert machine.calls("other -m venv")
    assert machine.calls("python3") == []
