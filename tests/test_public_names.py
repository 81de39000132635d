"""The Python interface is what it says, in whatever order its modules are imported."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import napari_unet
from helpers.source_tree import PACKAGE

ORDERS = """\
import napari_unet
import napari_unet.segment
import napari_unet.segment.run
import napari_unet.segment.settings
import napari_unet.segment.tiles.tiling, napari_unet.learn.settings
from napari_unet import segment; assert segment.__module__ == "napari_unet.segment.run"
from napari_unet import SegmentSettings, segment; assert SegmentSettings().tile_px is None
from napari_unet.segment import run, settings; assert settings.SegmentSettings and run.segment
from napari_unet.segment.run import segment as a; import napari_unet as nu; assert nu.segment is a
import importlib; assert importlib.import_module("napari_unet.segment").__path__
import importlib, napari_unet; importlib.reload(napari_unet)
import pickle, napari_unet as nu; assert pickle.loads(pickle.dumps(nu.segment)) is nu.segment
"""
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
for order in sys.stdin.read().splitlines():
    for name in list(sys.modules):
        if name.partition(".")[0] in ("napari_unet", "helpers"):
            del sys.modules[name]
    exec(order, {})
    import numpy
    import napari_unet as nu
    from helpers.tiny import tiny_model, tiny_spec
    model = tiny_model(tiny_spec(depth=0))
    image = numpy.zeros((8, 8), numpy.float32)
    for _ in range(2):
        labels = nu.segment(image, model, settings=nu.SegmentSettings(engine="torch"))
        assert labels.shape == (8, 8)
    print(order)
"""


def test_segment_is_the_function_whatever_was_imported_before() -> None:
    tests = str(Path(__file__).parent)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, tests],
        input=ORDERS,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == ORDERS


def test_every_public_name_is_there_and_listed() -> None:
    for name in napari_unet.__all__:
        assert getattr(napari_unet, name) is not None
    assert dir(napari_unet) == sorted(napari_unet.__all__)


VERBS = {"read", "read_header", "write"}  # of the modules in a table of formats


def defined_twice(package: Path) -> dict[str, list[str]]:
    """Public functions and classes that several modules of a package define, with the modules."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(package.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_"):
                found[node.name].append(file.relative_to(package).as_posix())
    return {name: files for name, files in found.items() if len(set(files)) > 1}


def test_one_name_means_one_thing() -> None:
    assert defined_twice(PACKAGE).keys() == VERBS


@pytest.mark.parametrize("file", ["a/b.py", "c.py"])
def test_a_name_of_two_modules_is_found(tmp_path: Path, file: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.py").write_text("class Plan: ...\ndef _plan(): ...\n")
    (tmp_path / file).write_text("def _plan(): ...\nclass Plan: ...\n")
    assert defined_twice(tmp_path) == {"Plan": sorted([file, "b.py"])}
