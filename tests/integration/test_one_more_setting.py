"""A setting is declared once: one more field is found wherever settings are, and nothing else is
edited for it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import tifffile

from helpers.documents import PAGE, example
from helpers.source_tree import PACKAGE, ROOT
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.library import save_model

pytestmark = [
    pytest.mark.viewer,
    pytest.mark.skipif(not PAGE.exists(), reason="needs the source tree"),
]

# Before anything else is imported, the settings get the field of the page on what to add where.
DECLARED = f"""
import sys
sys.path[:0] = [{str(PACKAGE.parent)!r}, {str(ROOT / "scripts")!r}]
from napari_unet.segment import settings
from napari_unet.segment.settings import RESULT
from napari_unet.segment.settings_fields import setting

class SegmentSettings(settings.SegmentSettings):
{indent(example("an option"), "    ")}

settings.SegmentSettings = SegmentSettings
"""
COMMAND = f"{DECLARED}\nfrom napari_unet.cli import main\nmain()\n"
WINDOW = f"""{DECLARED}
import json
import numpy
import yaml
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication
from write_manifest import MANIFEST, manifest
from napari_unet.widgets.segment.dock import SegmentWidget

written = yaml.safe_load(manifest(MANIFEST.read_text(encoding="utf-8")))
PluginManager.instance().register(PluginManifest(**written))
application = QApplication([])
viewer = ViewerModel()
viewer.add_image(numpy.random.default_rng(0).random((40, 50)).astype("float32"), name="cells")
dock = SegmentWidget(viewer)
row = dock.form.options.rows["smooth_edges"]
row.box.click()
loop = QEventLoop()
dock.run_ended.connect(loop.quit)
QTimer.singleShot(60_000, loop.quit)
dock.form.bar.run_button.click()
loop.exec()
labels = next(layer for layer in viewer.layers if layer._type_string == "labels")
result = labels.metadata["napari_unet"]
again = SegmentWidget(viewer)
properties = written["contributions"]["configurations"]["segment"]["properties"]
facts = {{
    "row": row.box.text(),
    "recorded": result["settings"]["smooth_edges"],
    "remembered": again.form.choices().smooth_edges,
    "property": properties["smooth_edges"],
}}
sys.stdout.write(json.dumps(facts))
"""

Start = Callable[..., str]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs a program in a Python of its own, with a tiny model and settings on disk of its own."""
    save_model(tiny_model(tiny_spec()), tmp_path / "tiny.safetensors")
    own = {"NAPARI_UNET_MODELS": str(tmp_path), "NAPARI_CONFIG": str(tmp_path / "settings.yaml")}

    def run(program: str, *words: object) -> str:
        ended = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=180,
            env=os.environ | own,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_the_command_line_has_the_setting(start: Start, tmp_path: Path) -> None:
    assert "--smooth-edges" in start(COMMAND, "segment", "--help")
    listed = " ".join(start(COMMAND, "segment", "--help-all").split())
    assert "smooth_edges Round the edges of the labels off. Takes true or false." in listed
    image = tmp_path / "image.tif"
    tifffile.imwrite(image, smooth_image((40, 50)))
    for number, given in enumerate((("--smooth-edges",), ("--set", "smooth_edges=true"))):
        output = ("--output", tmp_path / f"{number}.tif", "--model", "tiny", "--json")
        found: dict[str, Any] = json.loads(start(COMMAND, "segment", image, *output, *given))
        assert found["settings"]["smooth_edges"] is True


def test_the_window_has_the_setting(start: Start) -> None:
    assert json.loads(start(WINDOW)) == {
        "row": "Smooth edges",
        "recorded": True,
        "remembered": True,
        "property": {
            "type": "boolean",
            "default": False,
            "title": "Smooth edges",
            "description": "Round the edges of the labels off.",
        },
    }


DECLARED_FOR_TRAINING = f"""
import sys
sys.path[:0] = [{str(PACKAGE.parent)!r}, {str(ROOT / "scripts")!r}]
from napari_unet.learn import settings
from napari_unet.segment.settings_fields import setting

class TrainSettings(settings.TrainSettings):
    patient: bool = setting(
        False, "Patient", "Take more time.", remembered=True, row=settings.LEARNING
    )

settings.TrainSettings = TrainSettings
"""
TRAIN_COMMAND = f"{DECLARED_FOR_TRAINING}\nfrom napari_unet.cli import main\nmain()\n"
FINETUNE = f"""{DECLARED_FOR_TRAINING}
import json
import yaml
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest
from qtpy.QtWidgets import QApplication
from write_manifest import MANIFEST, manifest
from napari_unet.widgets.finetune.dock import FinetuneWidget
from napari_unet.widgets.finetune.order import settings_for
from napari_unet.widgets.viewer.preferences import remember

written = yaml.safe_load(manifest(MANIFEST.read_text(encoding="utf-8")))
PluginManager.instance().register(PluginManifest(**written))
application = QApplication([])
dock = FinetuneWidget(ViewerModel())
dock.form.options.rows["patient"].box.click()
remember(dock.form.chosen())
again = FinetuneWidget(ViewerModel())
properties = written["contributions"]["configurations"]["finetune"]["properties"]
facts = {{
    "trained with": settings_for(again.form.choices()).patient,
    "property": properties["patient"]["title"],
}}
sys.stdout.write(json.dumps(facts))
"""


def test_the_window_has_a_setting_of_trainings(start: Start) -> None:
    assert json.loads(start(FINETUNE)) == {"trained with": True, "property": "Patient"}


def test_the_command_line_has_a_setting_of_trainings(start: Start, tmp_path: Path) -> None:
    listed = " ".join(start(TRAIN_COMMAND, "train", "--help-all").split())
    assert "patient Take more time. Takes true or false." in listed
    image = smooth_image((64, 64))
    tifffile.imwrite(tmp_path / "image.tif", image)
    tifffile.imwrite(tmp_path / "labels.tif", (image > image.mean()).astype("uint8"))
    files = ("--image", tmp_path / "image.tif", "--labels", tmp_path / "labels.tif")
    output = ("--output", tmp_path / "new.safetensors", "--from", "tiny", "--json")
    settings = ("--head-only", "--set", "patient=true")
    found: dict[str, Any] = json.loads(start(TRAIN_COMMAND, "train", *files, *output, *settings))
    assert found["settings"]["patient"] is True
