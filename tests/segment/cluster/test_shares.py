"""Shares of a run that another has begun and holds, as the workers of a cluster do them."""

import logging
from pathlib import Path

import numpy as np
import pytest
import zarr

from helpers.failing import BOTH, TORCH, failing_over
from helpers.resumable import run_resumable, values
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.formats.safetensors_file import model_bytes
from napari_unet.scans.formats.zarr_partial import facts_of
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import scan_of
from napari_unet.scans.write import write_labels
from napari_unet.segment.cluster import worker_process
from napari_unet.segment.cluster.messages import ImageTask, WorkerSetup
from napari_unet.segment.cluster.worker_process import WorkerState
from napari_unet.segment.engine.protocol import EngineSnapshot
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream

MODEL = tiny_model(tiny_spec(classes=3))
SCAN = scan_of(smooth_image((2, 60, 70)))
SETTINGS = SegmentSettings(tile_px=16, device="cpu", engine="torch")
LABELS = segment(SCAN, MODEL, settings=SETTINGS)
TILES = 2 * 4 * 5
ENGINE = TorchEngine(MODEL.network)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "a.zarr")


def job() -> SegmentJob:
    return plan_job(MODEL.spec, SCAN, SETTINGS)


def share(*numbers: int) -> ResumePolicy:
    return ResumePolicy(resume=True, share=range(*numbers))


def test_a_share_may_be_done_twice_while_the_run_is_held_and_an_older_result_is_there(
    outputs: Outputs,
) -> None:
    write_labels(outputs.labels, np.zeros_like(LABELS), SCAN)
    with resumable_run(MODEL, job(), outputs, ResumePolicy(overwrite=True), ENGINE) as run:
        assert isinstance(run, ResumableRun)
        with resumable_run(MODEL, job(), outputs, share(12), ENGINE) as lost:
            tiles = stream(MODEL, lost.job, engine=ENGINE)
            lost.take(next(tiles))
            again = run_resumable(MODEL, SCAN, outputs, share(12))
            assert (again.skipped, again.tiles) == (1, 11)
            for tile in tiles:
                lost.take(tile)
        for done in (lost, again, run_resumable(MODEL, SCAN, outputs, share(12, TILES))):
            assert isinstance(done, ResumableRun)
            run.credit(done.journal_contents)
        assert (run.tiles, run.complete) == (TILES, True)
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    assert facts_of(outputs.labels)["engine"] == TORCH
    assert [path.name for path in outputs.labels.parent.iterdir()] == ["a.zarr"]


def test_a_worker_whose_engine_was_replaced_continues_and_the_result_names_both(
    outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_labels(tmp_path / "scan.tif", smooth_image((2, 60, 70)).astype(np.uint8), SCAN)
    monkeypatch.setattr(worker_process, "make_engine", lambda model, *_: failing_over(model, 3))
    task = ImageTask(tmp_path / "scan.tif", outputs)
    state = WorkerState(WorkerSetup("a run", model_bytes(MODEL, "tiny"), SETTINGS))
    found = state.describe(task, 1)
    assert found.engine == EngineSnapshot("openvino 1.2 on cpu", "openvino", "cpu", "")
    here = plan_job(MODEL.spec, read_scan(task.image), SETTINGS)
    with resumable_run(MODEL, here, outputs, ResumePolicy(), found.engine) as run:
        assert isinstance(run, ResumableRun)
        for part in (range(10), range(10, TILES)):
            run.credit(state.compute(task, part))
    assert run.engines.joined == BOTH
    assert facts_of(outputs.labels)["engine"] == BOTH


def test_what_a_worker_is_warned_of_reaches_the_run(
    outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr.save_array(tmp_path / "scan.zarr", smooth_image((2, 60, 70)))
    task = ImageTask(tmp_path / "scan.zarr", outputs, axes="zyx")
    here = plan_job(MODEL.spec, read_scan(task.image, "zyx"), SETTINGS)
    state = WorkerState(WorkerSetup("a run", model_bytes(MODEL, "tiny"), SETTINGS))
    found = state.describe(task, 1)
    honest = zarr.Array.__getitem__

    def odd(self: zarr.Array, index: object) -> object:
        logging.getLogger("tifffile").warning("odd chunk")
        return honest(self, index)

    with resumable_run(MODEL, here, outputs, ResumePolicy(), found.engine) as run:
        assert isinstance(run, ResumableRun)
        assert here.scan.all_notes == ()
        monkeypatch.setattr(zarr.Array, "__getitem__", odd)
        run.credit(state.compute(task, range(TILES)))
    assert here.scan.all_notes == ("The file is read, but: odd chunk",)
