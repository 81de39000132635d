"""A disk that becomes full while the dock keeps a result in a file."""

from pathlib import Path

import numpy as np
import pytest
import zarr

import napari_unet as nu
from helpers.clicks import long_stack
from helpers.small_disk import SmallDisk
from napari_unet.segment.outputs import Sink
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.layer_facts import MARK

pytestmark = pytest.mark.viewer
TILES = 60
NAME = "stack · tiny-2d"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    (tmp_path / "disk").mkdir()
    return SmallDisk(tmp_path / "disk", 2**21, monkeypatch)


@pytest.fixture
def fill(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch):
    """Lets another program fill the disk, but for some bytes, when so many tiles are written."""
    real = Sink.take

    def fill_after(tiles: int, but: int = 0) -> None:
        written = []

        def take(sink: Sink, *given: object) -> np.ndarray:
            written.append(1)
            if len(written) == tiles + 1:
                disk.size -= disk.free - but
            return real(sink, *given)

        monkeypatch.setattr(Sink, "take", take)

    return fill_after


def test_the_sentence_says_what_is_finished_and_the_run_is_resumed(viewer, dock, click, disk, fill):
    stack = long_stack()[:TILES]
    viewer.add_image(stack, name="stack")
    path = disk.folder / "cells.zarr"
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path)))
    fill(20)
    end = click(widget)
    assert end.kind == "failed"
    assert end.sentence.startswith(f"No space left to write {path} (nothing is free, about 1 MB")
    assert f"20 of {TILES} tiles are kept in {path}.partial" in end.sentence
    assert "Segment with the same choices resumes from there" in end.sentence
    assert f"The 20 finished tiles of {TILES} stay" in end.sentence
    assert widget.form.message.text() == end.sentence
    assert not viewer.layers[NAME].metadata[MARK]["complete"]
    disk.size = 2**21
    assert click(widget).kind == "done"
    labels = np.asarray(zarr.open_group(path, mode="r")["0"])
    np.testing.assert_array_equal(labels, nu.segment(stack, nu.load_model("tiny-2d")))


def test_labels_are_kept_where_only_the_probabilities_find_no_room(viewer, dock, click, disk, fill):
    stack = long_stack()[:TILES]
    viewer.add_image(stack, name="stack")
    path = disk.folder / "cells.zarr"
    widget = dock()
    widget.form.options.set_value(SegmentChoices(keep_in=str(path), keep_probabilities=True))
    fill(20, but=3000)  # enough for the labels of a tile
    end = click(widget)
    assert f"The labels are in {path}, without the probabilities. No space left" in end.sentence
    expected = nu.segment(stack, nu.load_model("tiny-2d"))
    np.testing.assert_array_equal(viewer.layers[NAME].data, expected)
    np.testing.assert_array_equal(np.asarray(zarr.open_group(path, mode="r")["0"]), expected)
    assert [found.name for found in disk.folder.iterdir()] == ["cells.zarr"]
