"""What a process of pytest-xdist needs, which runs tests beside others: its share of the cores and
a display of its own.
"""

import atexit
import os
import subprocess
import sys

NUMBER_OF_PROCESSES = "PYTEST_XDIST_WORKER_COUNT"
SCREEN = ("-screen", "0", "1280x900x24", "-nolisten", "tcp")


def runs_beside_others() -> bool:
    """Whether this is one of the processes of pytest-xdist."""
    return NUMBER_OF_PROCESSES in os.environ


def take_share_of_cores() -> None:
    """Bound the threads of numpy and torch, before they are imported: threads that wait for a core
    spin, and two processes with a thread per core each take four times as long.
    """
    share = (os.cpu_count() or 1) // int(os.environ[NUMBER_OF_PROCESSES])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


def take_own_display() -> None:
    """Where the tests run on a virtual display, open another one for this process: on a shared one
    a window takes the focus from the window of another test.
    """
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM") != "xcb":
        return
    reads, writes = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writes), *SCREEN], pass_fds=[writes], stderr=subprocess.DEVNULL
    )
    atexit.register(server.terminate)
    os.close(writes)
    with os.fdopen(reads, encoding="ascii") as chosen:
        os.environ["DISPLAY"] = f":{chosen.readline().strip()}"
