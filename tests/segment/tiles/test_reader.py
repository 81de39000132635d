"""The next tile is read while one is computed; and a card has the next one before the last is
waited for.
"""

import threading

import numpy as np
import pytest

from helpers.failing import full
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import segment
from napari_unet.errors import EngineError, ScanError
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, GetControl, Progress, always_continue
from napari_unet.scans.scan import Index, Scan, Slices, scan_of
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.decode import PendingTile
from napari_unet.segment.tiles.queue import Focus
from napari_unet.segment.tiles.reader import Reader
from napari_unet.segment.tiles.tile_result import TileResult

MODEL = tiny_model(tiny_spec(classes=3))
IMAGE = smooth_image((2, 100, 130))
SETTINGS = SegmentSettings(device="cpu", engine="torch", tile_px=48)
EXPECTED = segment(IMAGE, MODEL, settings=SETTINGS)


def job(scan: Scan | None = None) -> SegmentJob:
    settings = SETTINGS.model_copy(update={"empty_borders": False})  # which would be read too
    return plan_job(MODEL.spec, scan or scan_of(IMAGE), settings)


class Watched(TorchEngine):
    """Says which window it runs, in order."""

    def __init__(self) -> None:
        super().__init__(MODEL.network)
        self.runs = 0

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        self.runs += 1
        return super().run(window, control)


def test_the_next_part_is_read_while_a_tile_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[tuple[Index, Slices]] = []
    began = threading.Semaphore(0)
    read = Scan.read

    def watched_read(scan: Scan, frame: Index, part: Slices) -> np.ndarray:
        assert threading.current_thread().name.startswith("read")
        if part != (slice(0, 100), slice(0, 130)):  # for statistics
            reads.append((frame, part))
            began.release()
        return read(scan, frame, part)

    class Waits(Watched):
        def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
            assert began.acquire(timeout=30)  # this tile's own
            if self.runs + 1 != 18:  # the last
                assert began.acquire(timeout=30)
                began.release()
            return super().run(window, control)

    monkeypatch.setattr(Scan, "read", watched_read)
    tiles = list(stream(MODEL, job(), engine=Waits()))
    assert len(tiles) == len(reads) == 18
    np.testing.assert_array_equal(put_together(tiles), EXPECTED)


def test_what_was_asked_for_in_vain_is_read_anew() -> None:
    scan = scan_of(IMAGE)
    reader = Reader(scan)
    one = (slice(0, 10), slice(5, 30))
    other = (slice(20, 50), slice(0, 7))
    reader.prefetch((0,), one)
    reader.prefetch((1,), one)
    np.testing.assert_array_equal(reader.read((0,), other)[0], IMAGE[0, 20:50, :7])
    np.testing.assert_array_equal(reader.read((1,), one)[0], IMAGE[1, :10, 5:30])
    reader.close()
    reader.close()


class Damaged:
    """An array of which one part can not be read."""

    shape = IMAGE.shape
    dtype = IMAGE.dtype
    ndim = IMAGE.ndim

    def __init__(self) -> None:
        self.whole = True

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        if not self.whole and index[-1].stop == IMAGE.shape[-1]:
            raise OSError("chunk 7 is cut off")
        return IMAGE[index]


def test_an_error_of_reading_ahead_comes_with_its_tile() -> None:
    array = Damaged()
    seen = []
    with pytest.raises((OSError, ScanError), match="cut off"):  # noqa: PT012
        for tile in stream(MODEL, job(scan_of(array))):
            array.whole = False
            seen.append(tile.region[1])
    assert [part.stop for part in seen] == [44, 88]


def put_together(tiles: list[TileResult]) -> np.ndarray:
    labels = np.zeros(IMAGE.shape, np.uint8)
    covered = np.zeros(IMAGE.shape, int)
    for tile in tiles:
        labels[(*tile.frame, *tile.region)] = tile.labels
        covered[(*tile.frame, *tile.region)] += 1
    assert covered.min() == 1
    return labels


@pytest.fixture
def a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed here is given away as by a card: before it is there."""
    monkeypatch.setattr(PendingTile, "arrived", False)


@pytest.mark.usefixtures("a_card")
@pytest.mark.parametrize("focus", [None, Focus((1,), (50.0, 60.0))])
def test_a_card_has_the_next_tile_before_the_last_is_waited_for(focus: Focus | None) -> None:
    engine = Watched()
    reported = []
    tiles = []
    ahead = []
    for tile in stream(MODEL, job(), engine=engine, focus=focus, on_progress=reported.append):
        tiles.append(tile)
        ahead.append(engine.runs - len(tiles))
    assert ahead == [1] * (len(tiles) - 1) + [0]
    np.testing.assert_array_equal(put_together(tiles), EXPECTED)
    assert [tile.done for tile in tiles] == list(range(1, len(tiles) + 1))
    assert reported[-1] == Progress(len(tiles), len(tiles), seconds_left=reported[-1].seconds_left)


@pytest.mark.usefixtures("a_card")
def test_after_stop_what_a_card_has_begun_is_not_lost() -> None:
    tiles = []
    answers = [Control.CONTINUE]
    engine = Watched()
    for tile in stream(MODEL, job(), engine=engine, control=lambda: answers[-1]):
        tiles.append(tile)
        answers.append(Control.STOP if engine.runs == 4 else Control.CONTINUE)
    assert len(tiles) == engine.runs == 4


@pytest.mark.usefixtures("a_card")
def test_where_memory_does_not_suffice_for_the_next_it_is_tried_again_when_the_last_is_done() -> (
    None
):
    class Full(Watched):
        failures = 0

        def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
            if self.runs == 3 and not self.failures:
                self.failures += 1
                raise full()
            return super().run(window, control)

    reported: list[Progress] = []
    engine = Full()
    tiles = list(stream(MODEL, job(), engine=engine, on_progress=reported.append))
    assert (engine.failures, engine.runs, len(tiles)) == (1, 18, 18)
    assert {progress.note for progress in reported} == {""}
    np.testing.assert_array_equal(put_together(tiles), EXPECTED)


@pytest.mark.usefixtures("a_card")
def test_what_a_card_has_finished_outlives_an_error_of_the_next() -> None:
    class Broken(Watched):
        def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
            if self.runs == 4:
                raise EngineError("The card fell off the bus.")
            return super().run(window, control)

    tiles = []
    with pytest.raises(EngineError, match="fell off"):
        tiles.extend(stream(MODEL, job(), engine=Broken()))
    assert len(tiles) == 4
