"""How tiles are divided among the workers of a dask cluster, and what happens where workers fail."""

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
from napari_unet.files import read_records
from napari_unet.progress import OnProgress, Progress, ignore
from napari_unet.scans.formats.zarr_partial import partial_folder
from napari_unet.scans.read import read_scan
from napari_unet.segment.cluster.connect import hire
from napari_unet.segment.cluster.dask_client import told_as_ours
from napari_unet.segment.cluster.messages import Kit, Order, divide, parse_scheduler, warning_of
from napari_unet.segment.cluster.worker import Desk, admit, compute, dismiss
from napari_unet.segment.cluster.workers import Crew
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.journal import read_journals
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.resumable.tiles import ResumableRun
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings

MODEL = tiny_model(tiny_spec(classes=3))
SETTINGS = SegmentSettings(tile_px=16, device="cpu", engine="torch")
TILES = 2 * 6 * 7


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A small stack, and where its labels go."""
    zarr.create_array(
        tmp_path / "scan.zarr", data=smooth_image((2, 96, 112)), dimension_names=["z", "y", "x"]
    )
    return Order(tmp_path / "scan.zarr", Outputs(tmp_path / "a.zarr"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_workers() as cluster:
        yield cluster.scheduler_address


def run_at(
    crew: Crew, order: Order, policy: ResumePolicy, on_progress: OnProgress = ignore
) -> ResumableRun:
    """One run as the command line does it."""
    found = crew.survey(order)
    job = replace(plan_job(MODEL.spec, read_scan(order.image), SETTINGS), core_px=found.core_px)
    with resumable_run(MODEL, job, order.outputs, policy, found.engine) as run:
        assert isinstance(run, ResumableRun)
        crew.compute(order, run, on_progress)
    return run


def labels_of(order: Order) -> np.ndarray:
    return segment(read_scan(order.image), MODEL, settings=SETTINGS)


def times_computed(order: Order) -> Counter[int]:
    """How often each tile was journaled."""
    return Counter(
        {
            number: len(said)
            for number, said in read_journals(partial_folder(order.outputs.labels)).tiles.items()
        }
    )


@given(st.sets(st.integers(0, 2000)), st.integers(0, 50))
def test_chunks_hold_all_that_is_missing_and_never_meet(missing: set[int], workers: int) -> None:
    chunks = divide(sorted(missing), workers)
    assert [number for chunk in chunks for number in chunk if number in missing] == sorted(missing)
    assert all(one.stop <= other.start for one, other in pairwise(chunks))
    assert len(chunks) >= min(len(missing), workers)


@pytest.mark.parametrize(
    "text", ["tls://host:8786", "tcp://10.0.0.1:8786", "tls://[::1]:8786", "local"]
)
def test_an_address_is_taken_as_it_is(text: str) -> None:
    assert parse_scheduler(text) == text
    assert bool(warning_of(text)) is text.startswith("tcp")


@pytest.mark.parametrize("text", ["host:8786", "http://host:8786", "tls://host", "", "Local"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="tls://host:port"):
        parse_scheduler(text)


def test_two_workers_give_the_labels_of_one_run(address: str, order: Order) -> None:
    told: list[Progress] = []
    counts: list[Counter[int]] = []

    def listen(progress: Progress) -> None:
        told.append(progress)
        counts[:] = [times_computed(order)]

    with hire(address, MODEL, SETTINGS) as crew:
        run = run_at(crew, order, ResumePolicy(), listen)
    np.testing.assert_array_equal(values(order.outputs.labels), labels_of(order))
    assert (run.tiles, run.skipped, run.voxels.sum()) == (TILES, 0, 2 * 96 * 112)
    assert counts == [Counter(range(TILES))]
    assert (told[-1].done, told[-1].total) == (TILES, TILES)
    assert len(told) > 2
    assert sorted(path.name for path in order.image.parent.iterdir()) == ["a.zarr", "scan.zarr"]


def test_what_is_finished_is_not_computed_again(address: str, order: Order) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done > 20:
            raise KeyboardInterrupt

    with hire(address, MODEL, SETTINGS) as crew:
        with pytest.raises(KeyboardInterrupt):
            run_at(crew, order, ResumePolicy(), interrupt)
        finished = times_computed(order)
        assert 20 < len(finished) < TILES
        run = run_at(crew, order, ResumePolicy(resume=True))
    assert (run.skipped, run.tiles) == (len(finished), TILES - len(finished))
    np.testing.assert_array_equal(values(order.outputs.labels), labels_of(order))


def test_a_worker_that_does_not_see_the_image_says_where_and_nothing_is_left(
    address: str, order: Order
) -> None:
    with (
        hire(address, MODEL, SETTINGS) as crew,
        pytest.raises(ScanError, match=r"On .*no image .*elsewhere.*file system that all share"),
    ):
        crew.survey(replace(order, image=Path("/elsewhere.zarr")))
    lost = replace(order, image=Path("/elsewhere.zarr"))
    job = replace(plan_job(MODEL.spec, read_scan(order.image), SETTINGS), core_px=(16, 16))
    with hire(address, MODEL, SETTINGS) as crew:
        found = crew.survey(order)
        with (  # noqa: PT012
            pytest.raises(ScanError, match="elsewhere"),
            resumable_run(MODEL, job, order.outputs, ResumePolicy(), found.engine) as run,
        ):
            assert isinstance(run, ResumableRun)
            crew.compute(lost, run, ignore)
    assert not partial_folder(order.outputs.labels).exists()


def test_tiles_that_are_not_seen_here_are_told_and_kept_where_they_are(
    address: str, order: Order
) -> None:
    there = replace(order, outputs=Outputs(order.image.with_name("b.zarr")))
    with hire(address, MODEL, SETTINGS) as crew:
        found = crew.survey(order)
        job = replace(plan_job(MODEL.spec, read_scan(order.image), SETTINGS), core_px=found.core_px)
        here, other = (
            resumable_run(MODEL, job, one.outputs, ResumePolicy(), found.engine)
            for one in (order, there)
        )
        with (  # noqa: PT012
            pytest.raises(
                ClusterError, match=f"{TILES} of {TILES} tiles .* are not seen from here"
            ),
            other,
            here as run,
        ):
            assert isinstance(run, ResumableRun)
            crew.compute(there, run, ignore)
    assert not partial_folder(order.outputs.labels).exists()
    assert set(times_computed(there)) == set(range(TILES))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KilledWorker("task", None, 3), "for want of memory"),
        (CancelledError(), "go on with --resume"),
    ],
)
def test_what_dask_raises_is_told_in_our_words(error: Exception, told: str) -> None:
    with pytest.raises(ClusterError, match=told), told_as_ours():
        raise error


def test_workers_without_this_program_are_told() -> None:
    class Client:
        def register_plugin(self, *_: object, **__: object) -> None:
            raise ModuleNotFoundError("No module named 'napari_unet'")

    with pytest.raises(
        ClusterError,
        match=r"No module named 'napari_unet'.*Install the same versions there as here",
    ):
        Crew(Client(), Kit("a kit", b"", SETTINGS)).survey(
            Order(Path("a.zarr"), Outputs(Path("b.zarr")))
        )


def test_nothing_is_done_with_a_kit_that_was_taken_away(order: Order) -> None:
    kit = Kit("a kit", b"no model", SETTINGS)
    admit(kit)
    dismiss(kit.name)
    assert not compute(kit.name, order, range(3)).tiles
    desk = Desk(kit)
    desk.stop()
    assert not desk.compute(order, range(3)).tiles


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_worker_that_is_killed_costs_no_finished_tile(order: Order) -> None:
    zarr.create_array(
        order.image,
        data=smooth_image((4, 128, 144)),
        dimension_names=["z", "y", "x"],
        overwrite=True,
    )
    counts: list[Counter[int]] = []
    with (
        two_workers(processes=True) as cluster,
        hire(cluster.scheduler_address, MODEL, SETTINGS) as crew,
    ):
        killer = _Killer(cluster, order)
        killer.start()
        run = run_at(crew, order, ResumePolicy(), lambda _: counts.append(times_computed(order)))
        killer.join()
    assert killer.met
    assert run.complete
    assert set(counts[-1].values()) == {1}
    np.testing.assert_array_equal(values(order.outputs.labels), labels_of(order))


class _Killer(threading.Thread):
    """Kills one worker in the middle of its chunk."""

    def __init__(self, cluster: LocalCluster, order: Order) -> None:
        super().__init__(daemon=True)
        with Client(cluster, set_as_default=False) as client:
            self._victim = min(client.run(os.getpid).values())
        self._order, self.met = (
            order,
            False,
        )  # whether both were in the middle of a chunk, of nine tiles

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while not self.met and time.monotonic() < deadline:
            journals = partial_folder(self._order.outputs.labels).glob("*.journal")
            self.met = (
                sum(
                    3 <= sum(b'"tile"' in said for said in read_records(path)) <= 6
                    for path in journals
                )
                == 2
            )
            time.sleep(0.005)
        os.kill(self._victim, signal.SIGKILL)
