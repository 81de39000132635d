"""Take the documents' pictures from the running program: scripts/with_display.sh --virtual
.venv/bin/python scripts/take_pictures.py

With the word "segment" or "finetune", only those.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["NAPARI_CONFIG"] = ""  # nobody's settings
os.environ["NAPARI_UNET_MODELS"] = tempfile.mkdtemp()  # nobody's models
os.environ["NAPARI_UNET_JOURNALS"] = tempfile.mkdtemp()  # nobody's strokes
os.environ["NAPARI_UNET_CACHE"] = tempfile.mkdtemp()  # nobody's speeds

import napari
import numpy as np
from qtpy.QtTest import QTest

from napari_unet.scans.samples.samples import nuclei_2d
from napari_unet.segment.run import segment  # noqa: F401  (torch is there before the clock starts)
from napari_unet.widgets.docks.open_dock import open_dock
from napari_unet.widgets.painting.review import region_is_right
from napari_unet.widgets.segment.demo import click_and_wait, open_sample_and_dock

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
SIZE_PX = (1200, 800)
SHOTS = (
    ("nuclei", "nuclei-2d", "dark", "segment.png"),
    ("axons", "axons-sem-2d", "light", "segment-light.png"),
)
PATIENCE_MS, LOOK_MS = 180_000, 38_000


def take(sample: str, model: str, theme: str, name: str) -> None:
    """Open a sample, click Segment, and keep a picture of the whole window."""
    viewer = make_viewer(theme)
    dock = open_sample_and_dock(viewer, sample)
    dock.form.model.set_value(model)
    QTest.qWait(5000)  # the devices are found meanwhile
    viewer.scene.camera.zoom *= 1.3
    end = click_and_wait(dock)
    if end is None or end.kind != "done":
        raise SystemExit(f"No picture of {sample}: {end}")
    keep(viewer, name)
    viewer.close()


def take_finetune() -> None:
    """Nuclei that are dark on bright, which the model has not seen: corrected in one half, learnt
    in a minute.
    """
    viewer = make_viewer("dark")
    sample = nuclei_2d()
    scale = {"scale": sample.spacing, "units": ("um", "um")}
    viewer.add_image(sample.image.max() - sample.image, name="Bright field", **scale)
    dock = open_dock(viewer, "Segment")
    dock.form.model.set_value("nuclei-2d")
    QTest.qWait(3000)
    click_and_wait(dock)
    widget = open_dock(viewer, "Fine-tune")
    correct_half(viewer, sample.truth)
    widget.form.review.overlay_box.click()
    keep(viewer, "finetune.png")
    widget.form.review.overlay_box.click()
    ends: list[Any] = []
    widget.run_ended.connect(ends.append)
    widget.form.bar.run_button.click()
    QTest.qWait(LOOK_MS)
    keep(viewer, "finetune-training.png")
    for _ in range(PATIENCE_MS // 500):
        if ends:
            break
        QTest.qWait(500)
    if not ends or ends[0].trained is None:
        raise SystemExit(f"No picture of a verdict: {ends}")
    keep(viewer, "finetune-verdict.png")
    viewer.close()


def correct_half(viewer: Any, truth: np.ndarray) -> None:
    """Put the left half of the result right, as a user would by painting, and say so."""
    layer = viewer.layers["Bright field · nuclei-2d"]
    half = truth.shape[1] // 2
    rows, columns = np.indices((truth.shape[0], half)).reshape(2, -1)
    layer.data_setitem((rows, columns), truth[:, :half].ravel())
    QTest.qWait(500)
    region_is_right(layer, (slice(0, truth.shape[0]), slice(0, half)))
    QTest.qWait(500)


def make_viewer(theme: str) -> Any:
    """A window of the pictures' size."""
    viewer = napari.Viewer(title="napari")
    viewer.theme = theme
    viewer.window.resize(*SIZE_PX)
    return viewer


def keep(viewer: Any, name: str) -> None:
    """Keep a picture of the whole window."""
    QTest.qWait(1000)
    viewer.window._qt_window.grab().save(str(FOLDER / name))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or ["segment", "finetune"]
    for shot in SHOTS if "segment" in wanted else ():
        take(*shot)
    if "finetune" in wanted:
        take_finetune()
