"""The room on disks, less what is promised to files that are still growing."""

import shutil
from collections.abc import Callable
from pathlib import Path

from napari_unet.errors import OutputError
from napari_unet.words import data_size

SPARE_BYTES = 2**30  # what is left free on a disk

_promises: list[Callable[[int], int]] = []


def promise_room(promised: Callable[[int], int]) -> None:
    """Count what `promised` says: bytes of a disk, by its number, that files which are there will
    still take.
    """
    _promises.append(promised)


def free_room(folder: Path) -> int:
    """Bytes that a folder's disk has free, and that are not promised to others."""
    disk = folder.stat().st_dev
    return shutil.disk_usage(folder).free - sum(promised(disk) for promised in _promises)


def check_room(folder: Path, size: int) -> None:
    """Raise `OutputError` where a disk could not take a file of `size` bytes, and some to spare,
    before it is begun.
    """
    free = free_room(folder)
    if free < size + SPARE_BYTES:
        raise OutputError(
            f"The result needs {data_size(size)} in {folder}, which has "
            f"{data_size(max(0, free))} free, and 1 GB is to be left. "
            "Free some space, or choose another folder."
        )
