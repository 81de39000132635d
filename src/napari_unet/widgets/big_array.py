"""Arrays of zeros that cost nothing until they are written: in memory while small, else mapped from a private file."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from napari_unet.errors import OutputError

IN_MEMORY_BYTES = 64 * 2**20
SPARE_BYTES = 2**30
PREFIX = "result-"

BLOCK_BYTES = 512  # what st_blocks counts, whatever the file system

_files: dict[int, int] = {}  # handle and size of the file behind each living array


def zeros(shape: Sequence[int], dtype: np.dtype | type) -> np.ndarray:
    """A writable array of zeros.

    A large one is mapped from a sparse file that only its owner can read and that vanishes with the
    array. Raises `OutputError` where the disk could not take all of it.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    try:
        return _mapped(cache_folder(), size, tuple(shape), dtype)
    except OSError as error:
        raise OutputError(f"The result needs a file of {size / 2**30:.1f} GB, which can not be made: {error}.") from error


def cache_folder() -> Path:
    """The folder of such files, made if it is not there, readable by its owner alone."""
    folder = user_cache_path("napari-unet-loop", appauthor=False) / "results"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    return folder


@cache
def _sweep(folder: Path) -> None:
    """Remove, once per process, what earlier ones left; files in use refuse, or are nameless already."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            path.unlink()


def _mapped(folder: Path, size: int, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    _check_room(folder, size)
    handle, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    try:
        with os.fdopen(handle, "r+b") as file:
            file.truncate(size)
            array = np.memmap(file, dtype=dtype, mode="r+", shape=shape)
            _files[own := os.dup(file.fileno())] = size
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _forget_with(array, own, Path(name))
    return array


def _check_room(folder: Path, size: int) -> None:
    """Refuse what the disk could not take once all of it, and of the other living arrays, has been written."""
    free = shutil.disk_usage(folder).free - sum(n - _written(handle, n) for handle, n in tuple(_files.items()))
    if free < size + SPARE_BYTES:
        raise OutputError(
            f"The result needs {size / 2**30:.1f} GB in {folder}, which has {max(0, free) / 2**30:.1f} GB free. "
            "Free some space, delete older results, or segment a part of the image."
        )


def _written(handle: int, size: int) -> int:
    """How much room a file has taken already: all of it where the system knows no sparse files."""
    try:
        blocks = getattr(os.fstat(handle), "st_blocks", None)
    except OSError:  # its array has just gone
        return size
    return size if blocks is None else min(size, blocks * BLOCK_BYTES)


def _forget_with(array: np.memmap, handle: int, path: Path) -> None:
    """Remove the file: at once where the system keeps it for the mapping, else when the array goes."""
    weakref.finalize(array.base if array.base is not None else array, _forget, handle, path)
    with suppress(OSError):  # Windows holds files that are mapped
        path.unlink()


def _forget(handle: int, path: Path) -> None:
    del _files[handle]
    os.close(handle)
    with suppress(OSError):
        path.unlink()
