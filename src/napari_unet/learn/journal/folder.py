"""Where journals lie, which of them belong to an image, and when they are deleted: after 30 days,
or when the user wants it.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from napari_unet.learn.journal.stroke_journal import JournalHeader, read_journal_header
from napari_unet.scans.identity import ScanIdentity, identity_of
from napari_unet.scans.scan import Scan

FOLDER_VARIABLE = "NAPARI_UNET_JOURNALS"
SUFFIX = ".strokes"
DAYS_STORED = 30


@dataclass(frozen=True)
class JournalEntry:
    """A journal in the folder; `written` is when it was last, in seconds since 1970."""

    path: Path
    header: JournalHeader
    written: float


def journal_folder() -> Path:
    """The folder of the user's journals, readable by its owner alone; the variable
    NAPARI_UNET_JOURNALS moves it. Where it can not be made, there are none, and who writes into it
    says why that is not possible.
    """
    if given := os.environ.get(FOLDER_VARIABLE):
        folder = Path(given)
    else:
        from platformdirs import user_state_path

        folder = user_state_path("napari-unet-loop", appauthor=False) / "strokes"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def new_path() -> Path:
    """A file for a new journal."""
    return journal_folder() / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:8]}{SUFFIX}"


def list_journals() -> list[JournalEntry]:
    """All journals that can be read, the last written first; those too old are deleted."""
    delete_old()
    found = []
    for path in journal_folder().glob(f"*{SUFFIX}"):
        with suppress(OSError):  # deleted meanwhile
            if (header := read_journal_header(path)) is not None:
                found.append(JournalEntry(path, header, path.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.written, reverse=True)


def journals_of_scan(scan: Scan) -> list[JournalEntry]:
    """The journals of an image that no running napari is writing, the last written first; the image
    is read only if one may be its own.
    """
    axes = scan.axes
    shape = scan.shape
    alike = [
        e
        for e in list_journals()
        if (e.header.scan.axes, e.header.scan.shape) == (axes, shape) and not _is_running(e.header)
    ]
    if not alike:
        return []
    own: ScanIdentity = identity_of(scan)
    return [entry for entry in alike if entry.header.scan == own]


def delete_history() -> int:
    """Delete every journal; how many there were."""
    paths = list(journal_folder().glob(f"*{SUFFIX}"))
    for path in paths:
        with suppress(OSError):  # Windows keeps one that is being written
            path.unlink()
    return len(paths)


def delete_old() -> None:
    """Delete journals that were last written longer ago than they are stored."""
    for path in journal_folder().glob(f"*{SUFFIX}"):
        with suppress(OSError):  # another process may be deleting it too
            if time.time() - path.stat().st_mtime > DAYS_STORED * 86_400:
                path.unlink()


def this_process() -> tuple[int, float]:
    """The number of this process and when it began: no other process has both."""
    import psutil

    return os.getpid(), float(psutil.Process().create_time())


def _is_running(header: JournalHeader) -> bool:
    import psutil

    number, begun = header.process
    try:
        return bool(np.isclose(psutil.Process(number).create_time(), begun, rtol=0, atol=1))
    except (psutil.Error, ValueError):
        return False
