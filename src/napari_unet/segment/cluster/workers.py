"""The workers of a scheduler, as the process sees them that the user has started: it gives orders
and counts what comes back.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from napari_unet.errors import ClusterError
from napari_unet.progress import Clock, OnProgress, Progress
from napari_unet.segment.cluster.dask_client import client_at, told_as_ours
from napari_unet.segment.cluster.dask_import import distributed
from napari_unet.segment.cluster.messages import Kit, Order, Survey, divide
from napari_unet.segment.cluster.worker import SHARED, admit, compute, dismiss, survey
from napari_unet.segment.resumable.tiles import ResumableRun

STOP_S = 60.0  # how long workers have to stop; who does not answer by then is left alone


class Crew:
    """All workers, and the kit that each of them is given."""

    def __init__(self, client: Any, kit: Kit) -> None:
        self._client = client
        self._kit = kit
        self._delivered = False

    @property
    def hosts(self) -> Counter[str]:
        """How many workers there are on each machine."""
        return Counter(
            str(facts["host"])
            for facts in self._client.scheduler_info(n_workers=-1)["workers"].values()
        )

    def survey(self, order: Order) -> Survey:
        """What the first worker that is free says; waits for one to join."""
        self._deliver()
        with told_as_ours():
            sharing = max(self.hosts.values(), default=1)
            found: Survey = self._client.submit(
                survey, self._kit.name, order, sharing, pure=False
            ).result()
        return found

    def compute(self, order: Order, run: ResumableRun, on_progress: OnProgress) -> None:
        """Have all tiles computed that are missing in a run, which counts them.

        Whatever ends this before stops the workers, and counts what they have finished. Raises
        `ClusterError` where workers are lost again and again, and what a worker has raised.
        """
        self._deliver()
        clock = Clock()
        total = run.finished + len(run.missing())
        before = run.finished

        def tell() -> None:
            left = clock.seconds_left(run.finished - before, total - before)
            on_progress(Progress(run.finished, total, seconds_left=left))

        while missing := run.missing():
            found = run.finished
            self._round(order, run, divide(missing, self.hosts.total()), tell)
            if run.finished == found:
                raise ClusterError(
                    f"{len(missing)} of {total} tiles that workers have finished are not seen from here. {SHARED}"
                )

    def dismiss(self) -> None:
        """Stop what workers do, and take the kit from them."""
        if self._delivered:
            self._delivered = False
            with suppress(
                OSError, ValueError
            ):  # a scheduler that is gone, or was started anew, has nothing to give back
                self._client.unregister_worker_plugin(self._kit.name)

    def _deliver(self) -> None:
        if not self._delivered:
            try:
                self._client.register_plugin(Delivery(self._kit), name=self._kit.name)
            except (
                Exception
            ) as error:  # whatever it is: no such program there, or another version of it
                raise ClusterError(
                    f"The workers can not take the model ({error}). Install the same versions there as here."
                ) from error
            self._delivered = True

    def _round(
        self, order: Order, run: ResumableRun, chunks: list[range], tell: Callable[[], None]
    ) -> None:
        """One task for each chunk; those of workers that are lost go to others."""
        waiting = {
            self._client.submit(compute, self._kit.name, order, chunk, pure=False)
            for chunk in chunks
        }
        try:
            for future in distributed.as_completed(list(waiting), loop=self._client.loop):
                with told_as_ours():
                    run.credit(future.result())
                waiting.discard(future)
                tell()
        except BaseException:
            self.dismiss()
            self._count_rest(run, list(waiting))
            raise

    def _count_rest(self, run: ResumableRun, waiting: list[Any]) -> None:
        """Wait for workers to stop, and count what they have finished."""
        with suppress(TimeoutError):
            for future in distributed.as_completed(waiting, loop=self._client.loop, timeout=STOP_S):
                if future.status == "finished":
                    run.credit(future.result())


@contextmanager
def crew_at(address: str, kit: Kit, workers: int) -> Iterator[Crew]:
    """The workers of a scheduler, or so many of one that is started here and closed at the end;
    raises `ClusterError`.
    """
    with client_at(address, workers) as client:
        crew = Crew(client, kit)
        try:
            yield crew
        finally:
            crew.dismiss()


class Delivery(distributed.WorkerPlugin):  # type: ignore[misc]
    """Brings a kit to a worker, and takes it away when the run ends."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def setup(self, worker: Any) -> None:
        """Dask calls it where a worker has joined."""
        admit(self._kit)

    def teardown(self, worker: Any) -> None:
        """Dask calls it where the run or the worker ends."""
        dismiss(self._kit.name)
