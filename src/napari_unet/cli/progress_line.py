"""Progress on standard error: one line that is rewritten on a terminal, a line now and then
elsewhere.
"""

import sys
import time

from napari_unet.cli.streams import is_terminal, write_aside
from napari_unet.progress import Progress
from napari_unet.words import duration, plain

TERMINAL_S = 0.2
ELSEWHERE_S = 10.0


class ProgressLine:
    """Shows the `Progress` of one image."""

    def __init__(self, name: str) -> None:
        self._name = plain(name)
        self._live = is_terminal(sys.stderr)
        self._last = time.monotonic() if not self._live else 0.0
        self._shown = 0

    def show(self, progress: Progress) -> None:
        """Write how far the image is, not more often than it can be read."""
        now = time.monotonic()
        if now - self._last < (TERMINAL_S if self._live else ELSEWHERE_S):
            return
        self._last = now
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        note = f". {progress.note}" if progress.note else ""
        self._write(
            f"{self._name}: {progress.done} of {progress.total} {progress.unit}{left}{note}"
        )

    def clear(self) -> None:
        """Take the rewritten line off the terminal."""
        if self._live and self._shown:
            self._write("")
            write_aside("\r")

    def _write(self, text: str) -> None:
        write_aside(f"\r{text.ljust(self._shown)}" if self._live else f"{text}\n")
        self._shown = len(text)
