"""Reading a scan in a thread of its own, so that the next tile is read while one is computed."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from napari_unet.scans.scan import Index, Scan, Slices

T = TypeVar("T")


@dataclass(frozen=True)
class _PendingRead:
    frame: Index
    part: Slices
    read: "Future[np.ndarray]"


class Reader:
    """Reads parts of a scan one after the other, all in one thread; one part can be read before it
    is needed.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._thread = ThreadPoolExecutor(1, "read")
        self._pending: _PendingRead | None = None

    def prefetch(self, frame: Index, part: Slices) -> None:
        """Begin to read what will probably be needed next, in place of an earlier guess."""
        if self._pending is not None:
            self._pending.read.cancel()
        self._pending = _PendingRead(frame, part, self._thread.submit(self._scan.read, frame, part))

    def read(self, frame: Index, part: Slices) -> np.ndarray:
        """A part of a frame, (C, *part)."""
        if self._pending is None or (self._pending.frame, self._pending.part) != (frame, part):
            self.prefetch(frame, part)
        pending = self._pending
        self._pending = None
        assert pending is not None
        return pending.read.result()

    def submit(self, job: "Callable[[], T]") -> "Future[T]":
        """Do something else that reads the scan, in the same thread, after what is pending."""
        return self._thread.submit(job)

    def close(self) -> None:
        """Begin no further read; one that has begun ends by itself, with the scan still in use."""
        self._thread.shutdown(wait=False, cancel_futures=True)
