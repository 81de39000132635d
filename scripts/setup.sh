#!/usr/bin/env bash
# Set up .venv from nothing but Python 3.11, pip, make and (on Debian and Ubuntu) apt.
# As root, missing system packages are installed; as an ordinary user the line to run is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=.venv
TORCH_CPU='torch==2.13.0+cpu'
TORCH_ANY='torch>=2.10'

say() { printf '\n== %s\n' "$*" >&2; }
stop() { printf '\n%s\n' "$*" >&2; exit 1; }

check_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        stop "Python 3.11 or newer is needed; '$PYTHON' is not it. Say which to use: make PYTHON=/path/to/python3.11"
}

install_torch() {
    if "$VENV/bin/python" -c 'import torch' 2>/dev/null; then return; fi
    say "PyTorch: the build for the processor"
    if "$VENV/bin/pip" install --quiet "$TORCH_CPU" 2>/dev/null; then return; fi
    say "PyTorch: the build that fits this machine, chosen by uv"
    "$VENV/bin/pip" install --quiet uv
    "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" --torch-backend=auto "$TORCH_ANY"
}

install_project() {
    say "napari, Qt, the test tools and this project"
    "$VENV/bin/pip" install --quiet --editable '.[all,cluster,openvino,test]'
}

check_python
PYTHON="$PYTHON" scripts/system_packages.sh
if ! "$VENV/bin/python" -c '' 2>/dev/null; then
    say "A virtual environment in $VENV"
    "$PYTHON" -m venv --clear "$VENV"
fi
install_torch
install_project
touch "$VENV/ready"
say "Ready."
