"""The way to a scheduler: one that is there, or one of our own; and what dask raises, in our words."""

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import Any

from napari_unet.errors import ClusterError
from napari_unet.segment.cluster.dask_import import distributed
from napari_unet.segment.cluster.messages import LOCAL

TLS_ADVICE = "Certificates are named in dask's own configuration, under distributed.comm.tls."


@contextmanager
def client_at(address: str, workers: int) -> Iterator[Any]:
    """A client of a scheduler, or of one with so many workers that is started here and closed at
    the end; raises `ClusterError`.
    """
    with ExitStack() as stack:
        if address == LOCAL:
            stack.enter_context(_environment_as_it_was())
            yield stack.enter_context(_reached(stack.enter_context(_started(workers))))
        else:
            yield stack.enter_context(_reached(address))


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Say what became of workers and scheduler in a sentence; what a worker has raised stays as it
    is.
    """
    try:
        yield
    except distributed.KilledWorker as error:
        raise ClusterError(
            "Workers were lost again and again while they computed the same tiles, most likely for want of memory. "
            "Start fewer of them on each machine, or choose smaller tiles with --tile-px."
        ) from error
    except CancelledError as error:
        raise ClusterError(
            "The scheduler has ended, or has dropped this run. Start it again, and go on with --resume."
        ) from error


def _reached(place: Any) -> Any:
    """A client, which closes at the end."""
    try:
        return distributed.Client(place, set_as_default=False)
    except (
        OSError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # nobody there, no TLS here, none there, wrong certificates
        advice = f" {TLS_ADVICE}" if str(place).startswith("tls://") else ""
        raise ClusterError(
            f"The dask scheduler {place} can not be reached ({_reason(error)}).{advice}"
        ) from error


def _started(workers: int) -> Any:
    """A scheduler and workers of our own, each a process, reached from this machine alone; closed
    at the end.
    """
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # with None, dask would take the port of others
        scheduler_kwargs={"dashboard": False},
        memory_limit=None,  # tiles are planned to fit
        silence_logs="ERROR",
    )


@contextmanager
def _environment_as_it_was() -> Iterator[None]:
    """Undo what dask sets in this process for the processes that it starts, such as one thread for
    every later one.
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
