"""The workers of a scheduler, as seen from here: tasks are sent, and what comes back is counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from napari_unet.errors import ClusterError
from napari_unet.progress import Clock, OnProgress, Progress
from napari_unet.segment.cluster.dask_client import client_at, cluster_errors
from napari_unet.segment.cluster.dask_import import distributed
from napari_unet.segment.cluster.messages import ImageTask, WorkerFacts, WorkerSetup, divide
from napari_unet.segment.cluster.worker_process import (
    SHARED,
    compute_share,
    describe_worker,
    prepare_worker,
    release_worker,
)
from napari_unet.segment.resumable.tiles import ResumableRun

STOP_S = 60.0  # how long workers have to stop; those that do not answer by then are left alone


class Workers:
    """All workers of one scheduler, and the setup that each of them is sent."""

    def __init__(self, client: Any, setup: WorkerSetup) -> None:
        self._client = client
        self._setup = setup
        self._sent = False

    @property
    def hosts(self) -> Counter[str]:
        """How many workers there are on each machine."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]  # -1: of all, not of five
        return Counter(str(facts["host"]) for facts in workers.values())

    def describe(self, task: ImageTask) -> WorkerFacts:
        """The facts of the first worker that is free; waits for one to join."""
        self._send_setup()
        with cluster_errors():
            sharing = max(self.hosts.values(), default=1)
            found: WorkerFacts = self._client.submit(
                describe_worker, self._setup.name, task, sharing, pure=False
            ).result()
        return found

    def compute(self, task: ImageTask, run: ResumableRun, on_progress: OnProgress) -> None:
        """Have all missing tiles of a run computed, and count them in it.

        Whatever ends this early stops the workers, and counts what they have finished. Raises
        `ClusterError` where workers are lost again and again, and what a worker has raised.
        """
        self._send_setup()
        clock = Clock()
        before = run.finished
        total = before + len(run.missing())

        def report() -> None:
            left = clock.seconds_left(run.finished - before, total - before)
            on_progress(Progress(run.finished, total, seconds_left=left))

        while missing := run.missing():
            finished = run.finished
            self._compute_chunks(task, run, divide(missing, self.hosts.total()), report)
            if run.finished == finished:
                raise ClusterError(
                    f"{len(missing)} of {total} tiles that workers have finished are not seen from "
                    f"here. {SHARED}"
                )

    def release(self) -> None:
        """Stop what workers do, and have them forget the setup."""
        if self._sent:
            self._sent = False
            # a scheduler that is gone, or was started anew, has nothing to release
            with suppress(OSError, ValueError):
                self._client.unregister_worker_plugin(self._setup.name)

    def _send_setup(self) -> None:
        if self._sent:
            return
        try:
            self._client.register_plugin(SetupPlugin(self._setup), name=self._setup.name)
        # whatever it is: this program is not installed there, or in another version
        except Exception as error:
            raise ClusterError(
                f"The workers can not take the model ({error}). Install the same versions there as "
                "here."
            ) from error
        self._sent = True

    def _compute_chunks(
        self, task: ImageTask, run: ResumableRun, chunks: list[range], report: Callable[[], None]
    ) -> None:
        """One dask task for each chunk; dask gives those of lost workers to others."""
        waiting = {
            # not pure: two runs with equal arguments are two tasks, whose results are not shared
            self._client.submit(compute_share, self._setup.name, task, chunk, pure=False)
            for chunk in chunks
        }
        try:
            for future in distributed.as_completed(list(waiting), loop=self._client.loop):
                with cluster_errors():
                    run.credit(future.result())
                waiting.discard(future)
                report()
        except BaseException:
            self.release()
            self._credit_rest(run, list(waiting))
            raise

    def _credit_rest(self, run: ResumableRun, waiting: list[Any]) -> None:
        """Wait for workers to stop, and count what they have finished."""
        with suppress(TimeoutError):
            for future in distributed.as_completed(waiting, loop=self._client.loop, timeout=STOP_S):
                if future.status == "finished":
                    run.credit(future.result())


@contextmanager
def workers_at(address: str, setup: WorkerSetup, count: int) -> Iterator[Workers]:
    """The workers of a scheduler, or `count` of one that is started here and closed at the end;
    raises `ClusterError`.
    """
    with client_at(address, count) as client:
        workers = Workers(client, setup)
        try:
            yield workers
        finally:
            workers.release()


class SetupPlugin(distributed.WorkerPlugin):  # type: ignore[misc]
    """Brings a setup to every worker that joins, and takes it away when the run ends."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def setup(self, worker: Any) -> None:
        """Dask calls it where a worker has joined."""
        prepare_worker(self._setup)

    def teardown(self, worker: Any) -> None:
        """Dask calls it where the run or the worker ends."""
        release_worker(self._setup.name)
