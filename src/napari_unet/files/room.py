"""The room on disks, less what is promised to files that are still growing."""

import shutil
from collections.abc import Callable
from pathlib import Path

from napari_unet.errors import NoSpaceError
from napari_unet.files.full_disk import existing_folder
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


def check_least_room(folder: Path, least: int) -> None:
    """Raise `NoSpaceError` where a disk has not even the `least` that a file can take on it; the
    folder may not be there yet.
    """
    free = free_room(existing_folder(folder))
    if free < least:
        raise NoSpaceError(
            f"The result needs at least {data_size(least)} in {folder}, which has "
            f"{data_size(free) if free > 0 else 'nothing'} free. "
            "Free some space, or choose another folder."
        )


def note_on_room(folder: Path, expected: int) -> str:
    """What to say where a disk may have no room for about `expected` bytes; else nothing. The
    folder may not be there yet.
    """
    free = free_room(existing_folder(folder))
    if free >= expected:
        return ""
    return (
        f"The disk may be too small: the result takes about {data_size(expected)} in {folder}, "
        f"which has {data_size(max(0, free))} free."
    )


def check_room(folder: Path, size: int) -> None:
    """Raise `NoSpaceError` where a disk could not take a file of `size` bytes, and some to spare,
    before it is begun.
    """
    free = free_room(folder)
    if free < size + SPARE_BYTES:
        raise NoSpaceError(
            f"The result needs {data_size(size)} in {folder}, which has "
            f"{data_size(max(0, free))} free, and 1 GB is to be left. "
            "Free some space, or choose another folder."
        )
