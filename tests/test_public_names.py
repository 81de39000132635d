"""The Python interface is what it says, in whatever order its modules are imported."""

import subprocess
import sys
from pathlib import Path

import napari_unet

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
