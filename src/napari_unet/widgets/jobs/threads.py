"""The threads of jobs: in a pool of their own, with a lower priority than the window's."""

import os
import sys
import threading
from contextlib import suppress
from functools import cache

import psutil
from qtpy.QtCore import QThread, QThreadPool

BACKGROUND_NICENESS = 10
MOST_THREADS = 64  # devices are what limits jobs


@cache
def job_threads() -> QThreadPool:
    """The pool of threads that only jobs run in: in napari's own pool, threads whose priority was
    lowered would slow down other plugins.
    """
    pool = QThreadPool()
    pool.setMaxThreadCount(MOST_THREADS)
    return pool


def lower_priority() -> None:
    """Let this thread, and those that torch starts from it, run after the window's, which stays
    smooth on few cores.
    """
    if sys.platform == "linux":
        here = (os.PRIO_PROCESS, threading.get_native_id())
        # never down: only root may lower a niceness
        os.setpriority(*here, max(BACKGROUND_NICENESS, os.getpriority(*here)))
    elif (thread := QThread.currentThread()) is not None:
        thread.setPriority(QThread.Priority.LowPriority)


def lower_priority_of(process: int) -> None:
    """Let a child process run after the window; one that has ended, or may not be changed, is left
    as it is.
    """
    lower = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", BACKGROUND_NICENESS)
    with suppress(psutil.Error):
        child = psutil.Process(process)
        child.nice(lower if sys.platform == "win32" else max(lower, child.nice()))
