"""A client of a scheduler, of a running one or of one started here; and dask's errors as ours."""

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
            stack.enter_context(_environment_restored())
            yield stack.enter_context(_client_of(stack.enter_context(_own_cluster(workers))))
        else:
            yield stack.enter_context(_client_of(address))


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Raise `ClusterError` where dask lost workers or the scheduler; what a worker has raised
    passes as it is.
    """
    try:
        yield
    except distributed.KilledWorker as error:
        raise ClusterError(
            "Workers were lost again and again while they computed the same tiles, most likely for "
            "want of memory. Start fewer of them on each machine, or choose smaller tiles with "
            "--tile-px."
        ) from error
    except CancelledError as error:
        raise ClusterError(
            "The scheduler has ended, or has dropped this run. Start it again, and resume the run "
            "with --resume."
        ) from error


def _client_of(scheduler: Any) -> Any:
    """A client, as a context that closes it; raises `ClusterError` with the reason."""
    try:
        return distributed.Client(scheduler, set_as_default=False)
    # in this order: nobody answers, no TLS here, no TLS there, the wrong certificates
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        advice = f" {TLS_ADVICE}" if str(scheduler).startswith("tls://") else ""
        raise ClusterError(
            f"The dask scheduler {scheduler} can not be reached ({_reason(error)}).{advice}"
        ) from error


def _own_cluster(workers: int) -> Any:
    """A scheduler and workers started here, each a process, reached from this machine alone; as a
    context that closes them.
    """
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # with None, dask would take the port of others
        scheduler_kwargs={"dashboard": False},
        memory_limit=None,  # tiles are planned to fit; dask would stop workers near its limit
        silence_logs="ERROR",
    )


@contextmanager
def _environment_restored() -> Iterator[None]:
    """Undo what dask sets in the environment for the processes that it starts, such as one thread:
    later processes of ours would inherit it.
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
