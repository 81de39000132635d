"""How tiles are divided among the workers of a dask cluster, and what happens when they fail."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr
from distributed import Client, KilledWorker, LocalCluster
from hypothesis import given
from hypothesis import strategies as st

from helpers.dask_here import two_workers
from helpers.resumable import values
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import ClusterError, ScanError, SettingsError
from napari_unet.files.append_only import read_records
from napari_unet.progress import OnProgress, Progress, ignore
from napari_unet.scans.formats.zarr_partial import partial_folder
from napari_unet.scans.read import read_scan
from napari_unet.segment.cluster.connect import connect
from napari_unet.segment.cluster.dask_client import cluster_errors
from napari_unet.segment.cluster.messages import (
    ImageTask,
    WorkerSetup,
    divide,
    parse_scheduler,
    warning_of,
)
from napari_unet.segment.cluster.worker_process import (
    WorkerState,
    compute_share,
    prepare_worker,
    release_worker,
)
from napari_unet.segment.cluster.workers import Workers
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.journal import read_run_journals
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings

MODEL = tiny_model(tiny_spec(classes=3))
SETTINGS = SegmentSettings(tile_px=16, device="cpu", engine="torch")
TILES = 2 * 6 * 7


@pytest.fixture
def task(tmp_path: Path) -> ImageTask:
    """A small stack, and where its labels go."""
    zarr.create_array(
        tmp_path / "scan.zarr", data=smooth_image((2, 96, 112)), dimension_names=["z", "y", "x"]
    )
    return ImageTask(tmp_path / "scan.zarr", Outputs(tmp_path / "a.zarr"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_workers() as cluster:
        yield cluster.scheduler_address


def run_at(
    workers: Workers, task: ImageTask, policy: ResumePolicy, on_progress: OnProgress = ignore
) -> ResumableRun:
    """One run as the command line does it."""
    found = workers.describe(task)
    job = replace(plan_job(MODEL.spec, read_scan(task.image), SETTINGS), core_px=found.core_px)
    with resumable_run(MODEL, job, task.outputs, policy, found.engine) as run:
        assert isinstance(run, ResumableRun)
        workers.compute(task, run, on_progress)
    return run


def labels_of(task: ImageTask) -> np.ndarray:
    return segment(read_scan(task.image), MODEL, settings=SETTINGS)


def times_computed(task: ImageTask) -> Counter[int]:
    """How often each tile was journaled."""
    return Counter(
        {
            number: len(said)
            for number, said in read_run_journals(partial_folder(task.outputs.labels)).tiles.items()
        }
    )


@given(st.sets(st.integers(0, 2000)), st.integers(0, 50))
def test_chunks_hold_all_missing_tiles_and_never_overlap(missing: set[int], workers: int) -> None:
    chunks = divide(sorted(missing), workers)
    assert [number for chunk in chunks for number in chunk if number in missing] == sorted(missing)
    assert all(one.stop <= other.start for one, other in pairwise(chunks))
    assert len(chunks) >= min(len(missing), workers)


@pytest.mark.parametrize(
    "text", ["tls://host:8786", "tcp://10.0.0.1:8786", "tls://[::1]:8786", "local"]
)
def test_an_address_is_taken_as_it_stands(text: str) -> None:
    assert parse_scheduler(text) == text
    assert bool(warning_of(text)) is text.startswith("tcp")


@pytest.mark.parametrize("text", ["host:8786", "http://host:8786", "tls://host", "", "Local"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="tls://host:port"):
        parse_scheduler(text)


def test_two_workers_give_the_labels_of_one_run(address: str, task: ImageTask) -> None:
    shown: list[Progress] = []
    counts: list[Counter[int]] = []

    def listen(progress: Progress) -> None:
        shown.append(progress)
        counts[:] = [times_computed(task)]

    with connect(address, MODEL, SETTINGS) as workers:
        run = run_at(workers, task, ResumePolicy(), listen)
    np.testing.assert_array_equal(values(task.outputs.labels), labels_of(task))
    assert (run.tiles, run.skipped, run.counted.sum()) == (TILES, 0, 2 * 96 * 112)
    assert counts == [Counter(range(TILES))]
    assert (shown[-1].done, shown[-1].total) == (TILES, TILES)
    assert len(shown) > 2
    assert sorted(path.name for path in task.image.parent.iterdir()) == ["a.zarr", "scan.zarr"]


def test_finished_tiles_are_not_computed_again(address: str, task: ImageTask) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done > 20:
            raise KeyboardInterrupt

    with connect(address, MODEL, SETTINGS) as workers:
        with pytest.raises(KeyboardInterrupt):
            run_at(workers, task, ResumePolicy(), interrupt)
        finished = times_computed(task)
        assert 20 < len(finished) < TILES
        run = run_at(workers, task, ResumePolicy(resume=True))
    assert (run.skipped, run.tiles) == (len(finished), TILES - len(finished))
    np.testing.assert_array_equal(values(task.outputs.labels), labels_of(task))


def test_a_worker_that_does_not_see_the_image_says_where_and_nothing_is_left(
    address: str, task: ImageTask
) -> None:
    with (
        connect(address, MODEL, SETTINGS) as workers,
        pytest.raises(ScanError, match=r"On .*no image .*elsewhere.*file system that all share"),
    ):
        workers.describe(replace(task, image=Path("/elsewhere.zarr")))
    lost = replace(task, image=Path("/elsewhere.zarr"))
    job = replace(plan_job(MODEL.spec, read_scan(task.image), SETTINGS), core_px=(16, 16))
    with connect(address, MODEL, SETTINGS) as workers:
        found = workers.describe(task)
        with (  # noqa: PT012
            pytest.raises(ScanError, match="elsewhere"),
            resumable_run(MODEL, job, task.outputs, ResumePolicy(), found.engine) as run,
        ):
            assert isinstance(run, ResumableRun)
            workers.compute(lost, run, ignore)
    assert not partial_folder(task.outputs.labels).exists()


def test_tiles_that_are_not_seen_from_here_are_an_error_and_stay_where_they_are(
    address: str, task: ImageTask
) -> None:
    there = replace(task, outputs=Outputs(task.image.with_name("b.zarr")))
    with connect(address, MODEL, SETTINGS) as workers:
        found = workers.describe(task)
        job = replace(plan_job(MODEL.spec, read_scan(task.image), SETTINGS), core_px=found.core_px)
        here, other = (
            resumable_run(MODEL, job, one.outputs, ResumePolicy(), found.engine)
            for one in (task, there)
        )
        with (  # noqa: PT012
            pytest.raises(
                ClusterError, match=f"{TILES} of {TILES} tiles .* are not seen from here"
            ),
            other,
            here as run,
        ):
            assert isinstance(run, ResumableRun)
            workers.compute(there, run, ignore)
    assert not partial_folder(task.outputs.labels).exists()
    assert set(times_computed(there)) == set(range(TILES))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KilledWorker("task", None, 3), "for want of memory"),
        (CancelledError(), "resume the run with --resume"),
    ],
)
def test_what_dask_raises_becomes_an_error_of_ours(error: Exception, sentence: str) -> None:
    with pytest.raises(ClusterError, match=sentence), cluster_errors():
        raise error


def test_workers_without_this_program_are_an_error() -> None:
    class Client:
        def register_plugin(self, *_: object, **__: object) -> None:
            raise ModuleNotFoundError("No module named 'napari_unet'")

    with pytest.raises(
        ClusterError,
        match=r"No module named 'napari_unet'.*Install the same versions there as here",
    ):
        Workers(Client(), WorkerSetup("a run", b"", SETTINGS)).describe(
            ImageTask(Path("a.zarr"), Outputs(Path("b.zarr")))
        )


def test_nothing_is_computed_for_a_released_setup(task: ImageTask) -> None:
    setup = WorkerSetup("a run", b"no model", SETTINGS)
    prepare_worker(setup)
    release_worker(setup.name)
    assert not compute_share(setup.name, task, range(3)).tiles
    state = WorkerState(setup)
    state.stop()
    assert not state.compute(task, range(3)).tiles


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_worker_that_is_killed_costs_no_finished_tile(task: ImageTask) -> None:
    zarr.create_array(
        task.image,
        data=smooth_image((4, 128, 144)),
        dimension_names=["z", "y", "x"],
        overwrite=True,
    )
    counts: list[Counter[int]] = []
    with (
        two_workers(processes=True) as cluster,
        connect(cluster.scheduler_address, MODEL, SETTINGS) as workers,
    ):
        killer = _Killer(cluster, task)
        killer.start()
        run = run_at(workers, task, ResumePolicy(), lambda _: counts.append(times_computed(task)))
        killer.join()
    assert killer.met
    assert run.complete
    assert set(counts[-1].values()) == {1}
    np.testing.assert_array_equal(values(task.outputs.labels), labels_of(task))


class _Killer(threading.Thread):
    """Kills one worker in the middle of its chunk."""

    def __init__(self, cluster: LocalCluster, task: ImageTask) -> None:
        super().__init__(daemon=True)
        with Client(cluster, set_as_default=False) as client:
            self._victim = min(client.run(os.getpid).values())
        self._task = task
        self.met = False  # whether both workers were in the middle of a chunk, of nine tiles

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while not self.met and time.monotonic() < deadline:
            journals = partial_folder(self._task.outputs.labels).glob("*.journal")
            self.met = (
                sum(
                    3 <= sum(b'"tile"' in said for said in read_records(path)) <= 6
                    for path in journals
                )
                == 2
            )
            time.sleep(0.005)
        os.kill(self._victim, signal.SIGKILL)
