"""A dask cluster on this machine, for tests: two workers, in this process or each in its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from distributed import LocalCluster


@contextmanager
def two_workers(processes: bool = False) -> Iterator[LocalCluster]:
    # dask sets one thread in the environment of this process, and with fewer threads a training
    # gives other bits
    with (
        patch.dict(os.environ),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=processes,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=None,
            silence_logs="CRITICAL",
        ) as cluster,
    ):
        yield cluster
