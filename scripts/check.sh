#!/usr/bin/env bash
# What a reader of the source relies on: style, types, floors, a valid manifest.
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=.venv/bin
[ -x "$BIN/lint-imports" ] && [ -x "$BIN/mypy" ] && [ -x "$BIN/ruff" ] || "$BIN/pip" install --quiet --editable '.[dev]'
set -x
"$BIN/ruff" check .
"$BIN/mypy"
"$BIN/lint-imports" --no-logo
"$BIN/npe2" validate napari.yaml
