"""napari is killed in the middle of painting with the mouse; the dock offers the strokes when the
image alone is opened again.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from helpers.clicks import press
from helpers.small_disk import SmallDisk
from helpers.strokes import Hand
from helpers.tiny import smooth_image
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.learn.journal.folder import FOLDER_VARIABLE, list_journals
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.painting import recovery
from napari_unet.widgets.painting.correcting import correct
from napari_unet.widgets.painting.tracked_layers import copy_corrections, trust_of_layer
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer
SHAPE = (120, 150)
STROKES = 12

PAINTER = """
import sys, time
import numpy as np
sys.path.insert(0, {tests!r})
import napari
from qtpy.QtTest import QTest
from napari_unet.widgets.finetune.dock import FinetuneWidget
from helpers.small_disk import SmallDisk
from helpers.strokes import Hand
from helpers.tiny import smooth_image
viewer = napari.Viewer(show=False)
viewer.add_image(smooth_image({shape}), name="cells")
labels = viewer.add_labels(np.zeros({shape}, np.uint8), name="mine")
viewer.window.add_dock_widget(FinetuneWidget(viewer))
QTest.qWait(50)
hand = Hand(viewer, labels)
for stroke in range(100_000):
    row, column = 8 + 13 * stroke % 100, 10 + 29 * stroke % 130
    hand.use("paint", 1 + stroke % 2, 5).drag((row, column), (row, column + 6))
    print(row, column, 1 + stroke % 2, repr(time.time()), flush=True)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "strokes"))


def offered(widget, qtbot) -> str:
    qtbot.waitUntil(lambda: not widget.form.review._offer.isHidden(), timeout=10_000)
    return widget.form.review._offer_note.text()


def restored(viewer, widget, qtbot):
    count = len(viewer.layers)
    press(widget.form.review.restore_button)
    qtbot.waitUntil(lambda: len(viewer.layers) > count, timeout=10_000)
    return next(layer for layer in reversed(viewer.layers) if layer.name.endswith("(recovered)"))


def killed_while_painting() -> list[tuple[int, int, int]]:
    """Row, column and label of strokes that were half a second old when the process was killed."""
    script = PAINTER.format(tests=str(Path(__file__).parent.parent), shape=SHAPE)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        lines = []
        while len(lines) < STROKES and (line := child.stdout.readline()):
            lines.append(line)
        time_enough(child, lines)
        child.send_signal(signal.SIGKILL)
        died = time.time()
    strokes = [line.split() for line in lines]
    return [
        (int(row), int(column), int(label))
        for row, column, label, at in strokes
        if died - float(at) > 0.5
    ]


def time_enough(child, lines) -> None:
    """Read on until the first dozen strokes are older than half a second, while the painting goes
    on.
    """
    end = time.time() + 0.6
    while time.time() < end and (line := child.stdout.readline()):
        lines.append(line)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_after_a_kill_the_image_alone_brings_the_strokes_back(viewer, open_finetune, qtbot):
    strokes = killed_while_painting()
    assert len(strokes) >= STROKES
    viewer.add_image(smooth_image(SHAPE), name="cells")
    widget = open_finetune()
    assert "mine" in offered(widget, qtbot)
    layer = restored(viewer, widget, qtbot)
    found = copy_corrections(layer)
    last = {(row, column): label for row, column, label in strokes}
    assert all(found.trust[voxel] == PAINTED and layer.data[voxel] in (1, 2) for voxel in last)
    np.testing.assert_array_equal(found.trust > 0, layer.data > 0)
    qtbot.waitUntil(
        lambda: [facts.name for facts in widget.form.pairs.labels()] == ["mine (recovered)"]
    )
    qtbot.waitUntil(lambda: f"{(layer.data > 0).sum():,} pixels" in widget.form.review.summary())


def lost(viewer, monkeypatch, seed=0, name="mine", labels=None):
    """Strokes on an image that is not open any more, as a crash leaves them."""
    image = viewer.add_image(smooth_image(SHAPE, seed), name=f"image {seed}")
    layer = viewer.add_labels(np.zeros(SHAPE, np.uint8) if labels is None else labels, name=name)
    trust = correct(layer, [image], InputChoice((seed + 1,), "yx", (1.0, 1.0)))
    layer.paint((20, 30 + seed), 2)
    trust._writer.close(wait_s=5)
    monkeypatch.setattr("napari_unet.learn.journal.folder._is_running", lambda header: False)
    saved = np.asarray(layer.data).copy()
    viewer.layers.remove(layer)
    viewer.layers.remove(image)
    return saved


def test_each_of_two_images_brings_its_own_strokes_back(viewer, open_finetune, qtbot, monkeypatch):
    first, second = (
        lost(viewer, monkeypatch, seed, name) for seed, name in ((0, "one"), (3, "two"))
    )
    for seed in (0, 3, 7):  # of the last nothing was stored
        viewer.add_image(smooth_image(SHAPE, seed), name=f"again {seed}")
    widget = open_finetune()
    qtbot.waitUntil(lambda: "1 more" in offered(widget, qtbot))
    layers = [restored(viewer, widget, qtbot), restored(viewer, widget, qtbot)]
    saved = {"one (recovered)": first, "two (recovered)": second}
    for layer in layers:
        np.testing.assert_array_equal(layer.data, saved.pop(layer.name))
        np.testing.assert_array_equal(copy_corrections(layer).trust == PAINTED, layer.data == 2)
    assert not saved
    assert widget.form.review._offer.isHidden()


def test_what_is_left_is_not_offered_and_no_search_that_finds_nothing_takes_an_offer_away(
    viewer, open_finetune, qtbot, monkeypatch
):
    lost(viewer, monkeypatch)
    viewer.add_image(smooth_image(SHAPE), name="again")
    widget = open_finetune()
    offered(widget, qtbot)
    viewer.add_image(smooth_image(SHAPE, 9), name="nothing was stored of this")
    qtbot.waitUntil(lambda: len(widget.recovery._searched) == 2)
    qtbot.wait(100)
    assert "mine" in offered(widget, qtbot)
    press(widget.form.review.decline_button)
    assert widget.form.review._offer.isHidden()


def test_axes_that_were_chosen_otherwise_are_taken_up(viewer, open_finetune, qtbot, monkeypatch):
    data = smooth_image((3, 60, 70))
    image = viewer.add_image(data, name="films")
    layer = viewer.add_labels(np.zeros(data.shape, np.uint8), name="mine")
    trust = correct(layer, [image], InputChoice((1,), "tyx", (1.0, 1.0)))
    layer.paint((1, 20, 30), 2)
    trust._writer.close(wait_s=5)
    monkeypatch.setattr("napari_unet.learn.journal.folder._is_running", lambda header: False)
    viewer.layers.clear()
    viewer.add_image(data, name="films")
    widget = open_finetune()
    assert "mine" in offered(widget, qtbot)
    restored(viewer, widget, qtbot)
    qtbot.waitUntil(lambda: [pair.image.axes for pair in widget.form.pairs.value()] == ["tyx"])


def test_labels_that_were_never_written_are_not_background(
    viewer, open_finetune, qtbot, monkeypatch
):
    import zarr

    from napari_unet.errors import ScanError
    from napari_unet.widgets.painting.review import layer_is_right, region_is_right

    # of such labels the journal has strokes alone
    lost(viewer, monkeypatch, labels=zarr.zeros(SHAPE, dtype="u1", chunks=(40, 50)))
    viewer.add_image(smooth_image(SHAPE), name="again")
    widget = open_finetune()
    offered(widget, qtbot)
    layer = restored(viewer, widget, qtbot)
    assert not layer.metadata[MARK]["complete"]
    with pytest.raises(ScanError, match="never computed"):
        layer_is_right(layer)
    assert "trusted" in region_is_right(layer, (slice(15, 25), slice(25, 35)))
    assert "mine (recovered) (not computed)" in [item.name for item in viewer.layers]


def test_strokes_of_an_image_that_was_closed_meanwhile_are_reported(
    viewer, open_finetune, qtbot, monkeypatch
):
    lost(viewer, monkeypatch)
    image = viewer.add_image(smooth_image(SHAPE), name="again")
    widget = open_finetune()
    offered(widget, qtbot)
    viewer.layers.remove(image)
    press(widget.form.review.restore_button)
    qtbot.waitUntil(lambda: "not open any more" in widget.form.message.text())
    assert not Job._running
    assert len(list_journals()) == 1
    assert trust_of_layer(image) is None


def test_the_key_for_a_slice_works_with_the_fine_tune_dock_alone(viewer, open_finetune, qtbot):
    viewer.add_image(smooth_image(SHAPE), name="cells")
    layer = viewer.add_labels(np.ones(SHAPE, np.uint8), name="mine")
    open_finetune()
    Hand(viewer, layer).key(
        Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    )
    assert (copy_corrections(layer).trust == REVIEWED).all()


def test_the_dock_says_that_strokes_are_not_saved_for_as_long_as_that_is_so(
    viewer, open_finetune, qtbot, monkeypatch, tmp_path
):
    disk = SmallDisk(tmp_path / "strokes", 0, monkeypatch)
    monkeypatch.setattr("napari_unet.widgets.painting.correcting.show_warning", lambda _: None)
    viewer.add_image(smooth_image(SHAPE), name="cells")
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="mine")
    widget = open_finetune()
    labels.paint((20, 30), 2)
    summary = widget.form.review.summary
    qtbot.waitUntil(lambda: "Strokes can not be saved" in summary(), timeout=5000)
    assert "Strokes can not be saved for a restart: No space left" in summary()
    labels.paint((60, 30), 2)
    qtbot.wait(50)
    assert "Strokes can not be saved" in summary()
    disk.size = 10**7
    labels.paint((90, 30), 2)
    qtbot.waitUntil(lambda: "Strokes can not be saved" not in summary(), timeout=10_000)
    assert "pixels" in summary()


def test_the_dock_says_how_many_strokes_could_not_be_read(
    viewer, open_finetune, qtbot, monkeypatch
):
    lost(viewer, monkeypatch)
    (entry,) = list_journals()
    damaged = bytearray(entry.path.read_bytes())
    damaged[-40] ^= 1
    entry.path.write_bytes(damaged)
    viewer.add_image(smooth_image(SHAPE), name="again")
    widget = open_finetune()
    assert "1 stroke could not be read, since the file is damaged" in offered(widget, qtbot)
    warned: list[str] = []
    monkeypatch.setattr(recovery, "show_warning", warned.append)
    restored(viewer, widget, qtbot)
    assert warned == [
        "1 stroke could not be read, since the file is damaged; all others are there."
    ]
