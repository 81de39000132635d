"""A thread beside the window that writes strokes to disk while the user paints."""

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import ClassVar


class BackgroundWriter:
    """Calls `send` in a thread of its own, soon after it was woken and at most every `rest_s`
    seconds, and now and then without that, since what could not be sent before may be by now; the
    end of Python waits for the last.

    `send` returns whether there is more to send; it has to deal with its own errors.
    """

    _open: ClassVar["weakref.WeakSet[BackgroundWriter]"] = weakref.WeakSet()

    def __init__(
        self,
        send: Callable[[], bool],
        finish: Callable[[], None],
        rest_s: float = 0.15,
        retry_s: float = 5.0,
    ) -> None:
        self._send = send
        self._finish = finish
        self._rest_s = rest_s
        self._retry_s = retry_s
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._open.add(self)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to send."""
        self._wanted.set()

    def close(self, wait_s: float = 0.0) -> None:
        """Send what there is, then finish and end; wait for it at most so long."""
        self._closing.set()
        self._wanted.set()
        if wait_s:
            self._thread.join(wait_s)

    def _run(self) -> None:
        more = False
        while not self._closing.is_set():
            if not more:
                self._wanted.wait(self._retry_s)
            if self._closing.is_set():
                break
            self._wanted.clear()
            more = self._send()
            self._closing.wait(self._rest_s)
        while self._send():
            pass
        self._finish()


@atexit.register
def _send_the_last() -> None:
    for writer in list(BackgroundWriter._open):
        writer.close(wait_s=5.0)
