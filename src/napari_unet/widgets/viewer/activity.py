"""A job's progress in napari's activity dock, made, moved and closed on the main thread."""

from napari.utils import progress

from napari_unet.progress import Progress
from napari_unet.words import never_html


class Activity:
    """The line of one job in napari's activity dock."""

    def __init__(self, title: str) -> None:
        self._bar = progress(total=0, desc=never_html(title))
        self._open = True

    def show(self, current: Progress) -> None:
        """Move the bar to where the job is now."""
        if not self._open:
            return
        if self._bar.total != current.total:
            self._bar.total = current.total
        if (step := current.done - self._bar.n) > 0:
            self._bar.update(step)

    def close(self) -> None:
        """Take the line away."""
        if self._open:
            self._open = False
            self._bar.close()
