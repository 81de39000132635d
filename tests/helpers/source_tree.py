"""The project's own source as tests look at it."""

import ast
from pathlib import Path

import napari_unet

PACKAGE = Path(napari_unet.__file__).parent
ROOT = PACKAGE.parent.parent
WINDOW = ("qtpy", "superqt", "magicgui", "napari", "psygnal", "pyqtgraph", "PyQt6", "PySide6")


def third_parties(file: Path) -> set[str]:
    """The first names of what a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {
        node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    }
    return {name.partition(".")[0] for name in plain | froms}
