"""Arrays of zeros that cost nothing until they are written: in memory while small, else mapped from
a private file.
"""

import os
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from math import prod
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from platformdirs import user_cache_path

from napari_unet.errors import OutputError
from napari_unet.files.room import free_room, promise_room
from napari_unet.words import data_size

IN_MEMORY_BYTES = 64 * 2**20
SPARE_BYTES = 2**30
PREFIX = "result-"
ELSEWHERE_PREFIX = ".napari-unet-loop-result-"
TRIAL_BYTES = 2**20

BLOCK_BYTES = 512  # what st_blocks counts, whatever the file system
PAGE_BYTES = 2**12

Lengths = tuple[int, ...]

# the room that the file behind each living array will take, by the file's handle
_files: dict[int, int] = {}
# how much along each axis will be written, by the mapping behind each array
_parts: WeakKeyDictionary[Any, Lengths] = WeakKeyDictionary()


def zeros(
    shape: Sequence[int],
    dtype: np.dtype | type,
    part: Sequence[int] | None = None,
    other_folder: Path | None = None,
) -> np.ndarray:
    """A writable array of zeros, of which a `part` will be written: so many voxels along each axis,
    side by side (all by default).

    A large one is mapped from a sparse file that only its owner can read and that vanishes with the
    array. It lies in the cache folder, or in another one where that has no room. Raises
    `OutputError` where no disk could take the part.
    """
    whole = tuple(shape)
    written = whole if part is None else tuple(part)
    size = prod(whole) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(whole, dtype)
    room = room_of(whole, written, np.dtype(dtype).itemsize)
    try:
        array = _mapped(_folder_with(room, other_folder), room, whole, dtype)
    except OSError as error:
        raise OutputError(
            f"The result needs a file of {data_size(size)}, which can not be made: {error}."
        ) from error
    _parts[array.base] = written
    return array


def part_of(array: Any) -> Lengths | None:
    """The part of an array made by `zeros` for which there is room; None for any other array."""
    return (
        _parts.get(array.base) if isinstance(array, np.memmap) and array.base is not None else None
    )


def room_of(shape: Lengths, part: Lengths, item_bytes: int) -> int:
    """The bytes that a part of an array takes on a disk, at most: a sparse file stores whole pages.

    The axes from any one on may be taken as runs of neighbouring bytes, gaps included; the cheapest
    way to do so is the bound.
    """
    strides = [prod(shape[axis + 1 :]) * item_bytes for axis in range(len(shape))]
    room = prod(shape) * item_bytes
    for axis in range(len(shape) + 1):
        run = (
            sum(
                max(0, n - 1) * stride
                for n, stride in zip(part[axis:], strides[axis:], strict=True)
            )
            + item_bytes
        )
        room = min(room, prod(part[:axis]) * (run + 2 * PAGE_BYTES))
    return room


def cache_folder() -> Path:
    """The folder of such files, made if it is not there, readable by its owner alone."""
    folder = _cache_path()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_leftovers(folder)
    return folder


@cache
def _remove_leftovers(folder: Path, prefix: str = PREFIX) -> None:
    """Remove, once per process, what earlier ones left; files in use refuse, or are nameless
    already.
    """
    for path in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            path.unlink()


def _cache_path() -> Path:
    return user_cache_path("napari-unet-loop", appauthor=False) / "results"


def _own_folder() -> Path:
    """The cache folder, or that of temporary files where nothing can be written there."""
    with suppress(OSError):
        folder = cache_folder()
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.gettempdir())


def _mapped(folder: Path, room: int, shape: Lengths, dtype: np.dtype | type) -> np.memmap:
    handle, name = tempfile.mkstemp(
        prefix=PREFIX if folder == _cache_path() else ELSEWHERE_PREFIX, dir=folder
    )
    try:
        with os.fdopen(handle, "r+b") as file:
            file.truncate(prod(shape) * np.dtype(dtype).itemsize)
            array = np.memmap(file, dtype=dtype, mode="r+", shape=shape)
            _files[own := os.dup(file.fileno())] = room
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _remove_with(array, own, Path(name))
    return array


def _folder_with(room: int, other: Path | None) -> Path:
    """The folder whose disk takes so many bytes, once the parts of the other living arrays have
    been written too.
    """
    folder = _own_folder()
    if free_room(folder) >= room + SPARE_BYTES:
        return folder
    if other is not None and free_room(other) >= room + SPARE_BYTES and _takes_sparse_files(other):
        _remove_leftovers(other, ELSEWHERE_PREFIX)
        return other
    raise OutputError(
        f"The result needs {data_size(room)} in {folder}, which has "
        f"{data_size(max(0, free_room(folder)))} free. "
        "Free some space, delete older results, or segment a part of the image."
    )


def _takes_sparse_files(folder: Path) -> bool:
    """Whether a file of zeros takes no room there, as far as the system says; else making a large
    one takes minutes.
    """
    with tempfile.TemporaryFile(dir=folder) as trial:
        trial.truncate(TRIAL_BYTES)
        blocks = getattr(os.fstat(trial.fileno()), "st_blocks", None)
    return blocks is None or blocks * BLOCK_BYTES < TRIAL_BYTES / 2


def _promised(disk: int) -> int:
    """The bytes that living arrays will still take of a disk when all their parts are written."""
    return sum(
        room - _written(handle, room)
        for handle, room in tuple(_files.items())
        if _disk_of(handle) == disk
    )


def _disk_of(handle: int) -> int | None:
    try:
        return os.fstat(handle).st_dev
    except OSError:  # its array has just gone
        return None


promise_room(_promised)


def _written(handle: int, room: int) -> int:
    """How much of its room a file has taken already: all of it where the system knows no sparse
    files.
    """
    try:
        blocks = getattr(os.fstat(handle), "st_blocks", None)
    except OSError:  # its array has just gone
        return room
    return room if blocks is None else min(room, blocks * BLOCK_BYTES)


def _remove_with(array: np.memmap, handle: int, path: Path) -> None:
    """Remove the file: now, where the system keeps it for the mapping, else when the array goes."""
    weakref.finalize(array.base if array.base is not None else array, _remove, handle, path)
    with suppress(OSError):  # Windows does not delete a file that is mapped
        path.unlink()


def _remove(handle: int, path: Path) -> None:
    del _files[handle]
    os.close(handle)
    with suppress(OSError):
        path.unlink()
