"""The project's own source as tests look at it."""

import ast
from pathlib import Path

import napari_unet

PACKAGE = Path(napari_unet.__file__).parent
ROOT = PACKAGE.parent.parent
WINDOW = ("qtpy", "superqt", "magicgui", "napari", "psygnal", "pyqtgraph", "PyQt6", "PySide6")


def third_parties(file: Path, types: bool = True) -> set[str]:
    """The first names of what a file imports; without `types`, of what it imports when it runs."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for block in [] if types else [node for node in tree.body if isinstance(node, ast.If)]:
        if ast.unparse(block.test) == "TYPE_CHECKING":
            tree.body.remove(block)
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {
        node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    }
    return {name.partition(".")[0] for name in plain | froms}
