"""The threads of jobs: apart from napari's, and behind the window's."""

import os
import sys
import threading
from functools import cache

from qtpy.QtCore import QThread, QThreadPool

BACKGROUND_NICENESS = 10
MOST_THREADS = 64  # devices are what limits jobs


@cache
def job_threads() -> QThreadPool:
    """The pool of threads that jobs alone run in: one of napari's, once its priority is lowered, would slow down other plugins."""
    pool = QThreadPool()
    pool.setMaxThreadCount(MOST_THREADS)
    return pool


def give_way() -> None:
    """Let this thread, and those that torch starts from it, run after the window's: it stays smooth on few cores."""
    if sys.platform == "linux":
        here = (os.PRIO_PROCESS, threading.get_native_id())
        os.setpriority(*here, max(BACKGROUND_NICENESS, os.getpriority(*here)))  # only root may go the other way
    elif (thread := QThread.currentThread()) is not None:
        thread.setPriority(QThread.Priority.LowPriority)
