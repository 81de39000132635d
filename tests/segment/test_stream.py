"""What a tile says where the image says nothing, and what is refused before a tile is made."""

import gc
import pickle
import weakref
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from helpers.failing import MEMORY_ERRORS
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.errors import NotEnoughMemoryError, ScanError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, Progress, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.out_of_memory import memory_errors_explained
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.stream import stream
from napari_unet.segment.tasks.registry import task_of
from napari_unet.segment.tiles.queue import Focus

FLAT = tiny_model(tiny_spec(classes=3))
BINARY = tiny_model(tiny_spec())


@pytest.mark.parametrize("model", [FLAT, BINARY])
def test_what_is_not_finite_stays_background_whatever_the_threshold(model: Model) -> None:
    image = smooth_image((40, 40))
    image[10:20, 15:30] = np.nan
    settings = SegmentSettings(tile_px=16, keep_probabilities=True)
    for tile in stream(model, plan_job(model.spec, scan_of(image), settings)):
        hole = np.isnan(image[tile.region])
        assert tile.probabilities is not None
        decided = task_of(model.spec).decide(torch.from_numpy(tile.probabilities), 1e-6)
        assert not decided.numpy()[hole].any()
        total = tile.probabilities.sum(axis=0)[hole]
        np.testing.assert_array_equal(total, 0 if len(tile.probabilities) == 1 else 1)


def test_the_verb_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(segment)) is segment
    assert pickle.loads(pickle.dumps(partial(segment, model=FLAT.spec))).func is segment


def test_a_model_of_another_task_is_refused() -> None:
    spec = tiny_spec().model_copy(update={"task": "instances"})
    with pytest.raises(ScanError, match="tiny does the task 'instances'"):
        plan_job(spec, scan_of(smooth_image((20, 20))), SegmentSettings())


class Small:
    """An engine that fails at windows of more than `most` voxels, as on a small device."""

    name, note, device = "small", "", "cpu"
    reason, threads, preparing_s = "", None, 0.0
    kind: Kind = "torch"

    def __init__(self, most: int, failure: Callable[[], Exception]) -> None:
        self._engine = TorchEngine(FLAT.network)
        self._most = most
        self._failure = failure

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if window.numel() > self._most:
            raise self._failure()
        return self._engine.run(window, control)

    def fall_back(self) -> bool:
        return False


@pytest.mark.parametrize("failure", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_where_memory_does_not_suffice_smaller_tiles_say_the_same(
    failure: Callable[[], Exception],
) -> None:
    image = smooth_image((2, 150, 170))
    job = plan_job(FLAT.spec, scan_of(image), SegmentSettings(tile_px=128))
    shown: list[Progress] = []
    labels = np.zeros(image.shape, np.uint8)
    covered = np.zeros(image.shape, int)
    for tile in stream(
        FLAT,
        job,
        focus=Focus((0,), (75.0, 85.0)),
        engine=Small(96**2, failure),
        on_progress=shown.append,
    ):
        labels[(*tile.frame, *tile.region)] = tile.labels
        covered[(*tile.frame, *tile.region)] += 1
    np.testing.assert_array_equal(
        labels, segment(image, FLAT, settings=SegmentSettings(engine="torch"))
    )
    assert (covered == 1).all()
    assert shown[0].note == ""
    assert "Memory did not suffice: continuing with smaller tiles" in shown[-1].note
    assert (shown[-1].done, shown[-1].total) == (tile.done, tile.total)
    assert shown[-1].done == shown[-1].total == len(shown) - 1


def test_what_was_finished_before_memory_ran_out_is_kept() -> None:
    image = smooth_image((64, 300))
    left = iter([10**9] * 2 + [8000] * 99)

    class Filling(Small):
        def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
            self._most = next(left)
            return super().run(window, control)

    job = plan_job(FLAT.spec, scan_of(image), SegmentSettings(tile_px=128))
    regions = [tile.region for tile in stream(FLAT, job, engine=Filling(0, MemoryError))]
    assert (
        sum((part[1].stop - part[1].start) * (part[0].stop - part[0].start) for part in regions)
        == image.size
    )
    assert [part[1].stop - part[1].start for part in regions] == [100, 100, 52, 48]


def test_memory_that_does_not_suffice_for_the_smallest_tile_is_an_error_of_ours() -> None:
    job = plan_job(FLAT.spec, scan_of(smooth_image((150, 170))), SegmentSettings(tile_px=128))
    with pytest.raises(
        NotEnoughMemoryError, match=r"this computer was not enough .MemoryError.*Close"
    ):
        list(stream(FLAT, job, engine=Small(0, MemoryError)))


def test_what_smaller_tiles_do_not_cure_is_shown_as_what_it_is() -> None:
    job = plan_job(FLAT.spec, scan_of(smooth_image((150, 170))), SegmentSettings(tile_px=128))
    failure = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1 and mat2") as caught:
        list(stream(FLAT, job, engine=Small(0, lambda: failure)))
    assert caught.value is failure


def test_what_a_tile_took_is_free_when_a_smaller_one_is_tried() -> None:
    """An error holds the arrays of the frames that it went through, for as long as it is held."""
    alive: list[weakref.ref[np.ndarray]] = []

    class Hoarding(Small):
        def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
            assert [ref for ref in alive if ref() is not None] == []
            features = np.zeros(10)
            alive.append(weakref.ref(features))
            with memory_errors_explained(self.device):
                return super().run(window, control)

    job = plan_job(FLAT.spec, scan_of(smooth_image((150, 170))), SegmentSettings(tile_px=128))
    gc.disable()
    try:
        list(stream(FLAT, job, engine=Hoarding(96**2, MEMORY_ERRORS["torch, CUDA"])))
    finally:
        gc.enable()
    assert len(alive) > 4
