"""napari is killed in the middle of painting, and the strokes come back when the image is opened
again.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Labels

from helpers.small_disk import SmallDisk
from helpers.tiny import smooth_image
from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.learn.journal.folder import FOLDER_VARIABLE, delete_history, list_journals
from napari_unet.learn.journal.stroke_journal import read_stroke_journal
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.painting.correcting import correct, pack_done, unpack_done
from napari_unet.widgets.painting.recovery import Recovery
from napari_unet.widgets.painting.review import slice_is_right
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track, trust_of_layer
from napari_unet.widgets.viewer.labels_facts import class_names
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer
CHOICE = InputChoice((1,), "zyx", (1.0, 1.0, 1.0))
SHAPE = (3, 120, 150)

PAINTER = """
import sys, time
import numpy as np
sys.path.insert(0, {tests!r})
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari.components import ViewerModel
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.painting.correcting import correct
from helpers.small_disk import SmallDisk
from helpers.tiny import smooth_image
viewer = ViewerModel()
image = viewer.add_image(smooth_image({shape}), name="cells")
names = {{"index": [0, 1, 2], "class": ["background", "axon", "myelin"]}}
labels = viewer.add_labels(np.zeros({shape}, np.uint8), name="mine", features=names)
correct(labels, [image], InputChoice((1,), "zyx", (1.0, 1.0, 1.0)))
labels.brush_size = 7
for stroke in range(100_000):
    at = (stroke % 3, 5 + stroke % 110, 5 + (7 * stroke) % 140)
    with labels.block_history():
        labels.paint(at, 1 + stroke % 2)
    print(stroke, *at, repr(time.time()), flush=True)
    app.processEvents()
    time.sleep(0.02)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "strokes"))


@pytest.fixture
def cells(viewer):
    return viewer.add_image(smooth_image(SHAPE), name="cells")


def looked(viewer, image, qtbot):
    recovery = Recovery(viewer, [image], CHOICE)
    with qtbot.waitSignal(recovery.found, timeout=10_000) as found:
        recovery.search()
    return recovery, found.args[0]


def restored(recovery, offer, qtbot) -> Labels:
    with qtbot.waitSignal(recovery.restored, timeout=10_000) as back:
        recovery.restore(offer)
    return back.args[0]


def killed_while_painting() -> list[list[float]]:
    """The strokes of a process that was killed with no chance to do anything about it: number,
    place, time.
    """
    script = PAINTER.format(tests=str(Path(__file__).parent.parent), shape=SHAPE)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        lines = [child.stdout.readline() for _ in range(80)]
        child.send_signal(signal.SIGKILL)
        died = time.time()
        lines += child.stdout.readlines()
    return [
        [float(part) for part in line.split()] + [died] for line in lines if line.endswith("\n")
    ]


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_every_stroke_but_those_of_the_last_half_second_survives_a_kill(viewer, cells, qtbot):
    strokes = killed_while_painting()
    recovery, offers = looked(viewer, cells, qtbot)
    assert len(offers) == 1
    assert "mine" in offers[0].sentence
    assert "classes axon, myelin" in offers[0].sentence
    layer = restored(recovery, offers[0], qtbot)
    survived = [
        copy_corrections(layer).trust[int(z), int(y), int(x)] == PAINTED
        for _, z, y, x, _, _ in strokes
    ]
    safe = [died - at > 0.5 for *_, at, died in strokes]
    assert sum(safe) > 40
    assert all(there for there, wanted in zip(survived, safe, strict=True) if wanted)
    assert class_names(layer) == ["background", "axon", "myelin"]
    assert layer.visible


def painted(viewer, cells, qtbot) -> Labels:
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="mine")
    trust = correct(labels, [cells], CHOICE)
    labels.brush_size = 7
    labels.paint((1, 20, 30), 2)
    viewer.dims.set_current_step(0, 2)
    slice_is_right(viewer, labels)
    trust._writer.close(wait_s=5)
    return labels


def as_if_restarted(monkeypatch) -> None:
    monkeypatch.setattr("napari_unet.learn.journal.folder._is_running", lambda header: False)


def test_labels_and_trust_come_back_and_are_kept_anew(viewer, cells, qtbot, monkeypatch):
    labels = painted(viewer, cells, qtbot)
    as_if_restarted(monkeypatch)
    recovery, offers = looked(viewer, cells, qtbot)
    layer = restored(recovery, offers[0], qtbot)
    np.testing.assert_array_equal(layer.data, labels.data)
    found = copy_corrections(layer)
    before = copy_corrections(labels)
    np.testing.assert_array_equal(found.trust, before.trust)
    assert (found.trust[2] == REVIEWED).all()
    assert layer.name == "mine (recovered)"
    np.testing.assert_allclose(layer.extent.world, cells.extent.world)
    layer.paint((0, 50, 50), 1)
    trust_of_layer(layer)._writer.close(wait_s=5)
    assert len(list_journals()) == 2


def test_what_was_trusted_before_the_image_was_known_is_kept_too(viewer, cells, qtbot, monkeypatch):
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="mine")
    track(labels).mark((slice(0, 1), slice(0, 120), slice(0, 150)), REVIEWED)
    labels.paint((1, 20, 30), 2)
    correct(labels, [cells], CHOICE)
    labels.paint((2, 20, 30), 2)
    trust_of_layer(labels)._writer.close(wait_s=5)
    as_if_restarted(monkeypatch)
    recovery, offers = looked(viewer, cells, qtbot)
    layer = restored(recovery, offers[0], qtbot)
    np.testing.assert_array_equal(copy_corrections(layer).trust, copy_corrections(labels).trust)


def test_numbers_of_objects_come_back_as_they_were(viewer, cells, qtbot, monkeypatch):
    highest = 2**32 - 2
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint32), name="objects")
    correct(labels, [cells], CHOICE)
    labels.paint((1, 20, 30), highest)
    trust_of_layer(labels)._writer.close(wait_s=5)
    as_if_restarted(monkeypatch)
    recovery, offers = looked(viewer, cells, qtbot)
    layer = restored(recovery, offers[0], qtbot)
    assert layer.data.dtype == np.uint32
    assert layer.data.max() == highest
    np.testing.assert_array_equal(layer.data, labels.data)


def test_nothing_is_offered_for_another_image(viewer, cells, qtbot, monkeypatch):
    painted(viewer, cells, qtbot)
    as_if_restarted(monkeypatch)
    other = viewer.add_image(smooth_image(SHAPE, 7), name="other")
    assert looked(viewer, other, qtbot)[1] == []


def test_nothing_is_offered_while_it_is_being_written(viewer, cells, qtbot):
    painted(viewer, cells, qtbot)
    assert looked(viewer, cells, qtbot)[1] == []


def test_what_was_never_computed_is_still_not_computed(viewer, cells, qtbot, monkeypatch):
    done = np.zeros((3, 12, 15), bool)
    done[:2] = True
    labels = viewer.add_labels(
        np.zeros(SHAPE, np.uint8),
        metadata={MARK: {"kind": "result", "complete": False, "done_map": done}},
    )
    np.testing.assert_array_equal(unpack_done(pack_done(labels)), done)
    correct(labels, [cells], CHOICE)
    labels.paint((1, 20, 30), 2)
    trust_of_layer(labels)._writer.close(wait_s=5)
    as_if_restarted(monkeypatch)
    recovery, offers = looked(viewer, cells, qtbot)
    layer = restored(recovery, offers[0], qtbot)
    viewer.dims.set_current_step(0, 2)
    with pytest.raises(ScanError, match="never computed"):
        slice_is_right(viewer, layer)


def test_a_journal_deleted_meanwhile_is_said(viewer, cells, qtbot, monkeypatch):
    painted(viewer, cells, qtbot)
    as_if_restarted(monkeypatch)
    recovery, offers = looked(viewer, cells, qtbot)
    delete_history()
    with qtbot.waitSignal(recovery.failed, timeout=10_000) as failed:
        recovery.restore(offers[0])
    assert "no strokes that can be read" in failed.args[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            {"scale": (1, 0.5, 0.5)},
            "The labels have a scale of 1 × 0.5 × 0.5, the image of 1 × 1 × 1",
        ),
        ({"translate": (0, 10, 0)}, "lie elsewhere"),
        ({"rotate": 20}, "lie elsewhere"),
    ],
)
def test_labels_in_another_place_than_the_image(viewer, cells, words, sentence):
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), **words)
    with pytest.raises(ScanError, match=sentence):
        correct(labels, [cells], CHOICE)


def test_labels_of_another_shape_than_the_image(viewer, cells):
    with pytest.raises(ScanError, match=r"shape \(120, 150\), the image \(3, 120, 150\)"):
        correct(viewer.add_labels(np.zeros(SHAPE[1:], np.uint8)), [cells], CHOICE)


def test_the_journal_of_a_deleted_layer_ends_and_lets_its_arrays_go(viewer, cells, qtbot):
    import gc
    import weakref

    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="mine")
    held = weakref.ref(correct(labels, [cells], CHOICE).map)
    labels.paint((1, 20, 30), 2)
    qtbot.waitUntil(lambda: len(list_journals()) == 1)
    viewer.layers.selection.active = cells
    qtbot.wait(50)
    viewer.layers.remove(labels)
    del labels
    viewer.add_labels(np.zeros(SHAPE, np.uint8), name="other")

    def gone() -> bool:
        gc.collect()
        return held() is None

    qtbot.waitUntil(gone)


def test_damaged_strokes_are_counted_for_the_user(viewer, cells, qtbot, monkeypatch):
    painted(viewer, cells, qtbot)
    viewer.layers.remove("mine")
    as_if_restarted(monkeypatch)
    (entry,) = list_journals()
    damaged = bytearray(entry.path.read_bytes())
    second = 8 + int.from_bytes(damaged[:4], "little")  # behind the header
    damaged[second + 8 + 60] ^= 1
    entry.path.write_bytes(damaged)
    _, offers = looked(viewer, cells, qtbot)
    assert "1 stroke could not be read" in offers[0].sentence


def test_a_full_disk_is_reported_while_painting_goes_on(
    viewer, cells, qtbot, monkeypatch, tmp_path
):
    disk = SmallDisk(tmp_path, 0, monkeypatch)
    warnings = []
    monkeypatch.setattr("napari_unet.widgets.painting.correcting.show_warning", warnings.append)
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="mine")
    trust = correct(labels, [cells], CHOICE)
    correct(labels, [cells], CHOICE)
    with qtbot.waitSignal(trust.troubled, timeout=5000) as troubled:
        labels.paint((1, 20, 30), 2)
    assert "No space left" in troubled.args[0]
    labels.paint((1, 60, 60), 2)
    assert labels.data[1, 60, 60] == 2
    assert warnings == troubled.args
    disk.size = 10**7
    with qtbot.waitSignal(trust.troubled, timeout=10_000) as again:
        labels.paint((1, 90, 90), 2)
    assert again.args == [""]
    trust._writer.close(wait_s=5)
    (entry,) = list_journals()
    found = read_stroke_journal(entry.path)
    assert found.labels[1, 20, 30] == found.labels[1, 60, 60] == found.labels[1, 90, 90] == 2
