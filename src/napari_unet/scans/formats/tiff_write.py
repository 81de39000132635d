"""Results as TIFF: as ImageJ writes it if that can hold them, else as OME-TIFF, else as a plain
TIFF that names its axes.
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_unet.errors import OutputError
from napari_unet.files.atomic import write_atomically
from napari_unet.files.full_disk import not_made
from napari_unet.files.room import check_least_room, check_room
from napari_unet.progress import GetControl, OnProgress
from napari_unet.scans.formats.result_file import ResultFile, compressed_bytes
from napari_unet.scans.formats.tiff_spacing import SPACING_KEY

IMAGEJ_ORDER = "tzcyx"
IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
IMAGEJ_BYTES = 3 * 2**30  # less than 4 GiB, the end of what such a file can address
MEMORY_BYTES = 256 * 2**20  # larger results are filled in a file
UM_PER_CM = 1e4
MOST_COMPRESSION = 1032  # of zlib, whatever the values
LEAST_BYTES = 1024  # of a file without any values


@contextmanager
def write(file: ResultFile, on_progress: OnProgress, control: GetControl) -> Iterator[Any]:
    """An array to fill, in memory or (a large one) in a temporary file; written as TIFF at the end.

    Writing is quick beside filling, so it neither reports nor can be interrupted. Raises
    `NoSpaceError` at once where the disk has certainly no room.
    """
    dtype = np.dtype(np.float32 if np.dtype(file.dtype).kind == "f" else file.dtype)
    size = dtype.itemsize * prod(file.shape)
    check_least_room(file.path.resolve().parent, LEAST_BYTES + size // MOST_COMPRESSION)
    if size <= MEMORY_BYTES:
        array = np.zeros(file.shape, dtype)
        yield array
        _write(file, array)
        return
    with _scratch(file.path.resolve().parent, size) as scratch:
        array = np.memmap(scratch, dtype, "w+", shape=file.shape)
        yield array
        _write(file, array)


@contextmanager
def _scratch(folder: Path, size: int) -> Iterator[Any]:
    """A temporary file of up to `size` bytes in that folder, deleted when it is closed."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            check_room(folder, size)
            scratch = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            _reserve(scratch.fileno(), size)
        except OSError as error:
            raise not_made(folder / "result", error) from error
        yield scratch


def _reserve(handle: int, size: int) -> None:
    """Take the room on the disk: a process that writes into a mapped file for which there is none
    is ended by the system.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise  # those say that the file system knows no such thing


def _write(file: ResultFile, array: np.ndarray) -> None:
    axes, array = _channels_inside(file.axes, array)
    options = _form(file, axes, array) | {"photometric": "minisblack", "compression": "zlib"}

    def fill(path: Path) -> None:
        with path.open("wb") as handle:
            tifffile.imwrite(handle, array, **options)

    def verify(path: Path) -> None:
        _verify(path, array.shape)
        file.look_again()

    write_atomically(
        file.path,
        fill,
        verify,
        needed=compressed_bytes(array.dtype, array.size),
    )


def _channels_inside(axes: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """Move the channels to just before y and x, where ImageJ expects them."""
    if "c" not in axes or not axes.endswith("yx"):
        return axes, array
    return axes.replace("c", "")[:-2] + "cyx", np.moveaxis(array, axes.index("c"), -3)


def _form(file: ResultFile, axes: str, array: np.ndarray) -> dict[str, Any]:
    """Options of `tifffile.imwrite` for the form of TIFF that can hold these axes and values."""
    ordered = axes == "".join(a for a in IMAGEJ_ORDER if a in axes) and 1 not in array.shape
    small = array.nbytes < IMAGEJ_BYTES
    if (
        ordered
        and small
        and array.dtype.name in IMAGEJ_DTYPES
        and ".ome." not in file.path.name.lower()
    ):
        return {"imagej": True, "metadata": _imagej(file, axes), **_resolution(file, 1.0, "NONE")}
    form = (
        {"ome": True, "metadata": _ome(file, axes)} if ordered else {"metadata": _own(file, axes)}
    )
    return {**form, "bigtiff": not small, **_resolution(file, UM_PER_CM, "CENTIMETER")}


def _imagej(file: ResultFile, axes: str) -> dict[str, Any]:
    sizes = file.sizes_um
    depth = {"spacing": sizes["z"]} if "z" in sizes else {}
    return {
        "axes": axes.upper(),
        "Info": _facts(file),
        **({"unit": "um", **depth} if sizes else {}),
    }


def _ome(file: ResultFile, axes: str) -> dict[str, Any]:
    named = {f"PhysicalSize{letter.upper()}": size for letter, size in file.sizes_um.items()}
    return {
        "axes": axes.upper(),
        "Description": _facts(file),
        **named,
        **{f"{name}Unit": "µm" for name in named},
    }


def _own(file: ResultFile, axes: str) -> dict[str, Any]:
    return {"axes": axes.upper(), "napari_unet": _facts(file), SPACING_KEY: file.sizes_um}


def _facts(file: ResultFile) -> str:
    return json.dumps(dict(file.facts), default=str)


def _resolution(file: ResultFile, unit_um: float, name: str) -> dict[str, Any]:
    sizes = file.sizes_um
    return (
        {"resolution": (unit_um / sizes["x"], unit_um / sizes["y"]), "resolutionunit": name}
        if sizes
        else {}
    )


def _verify(path: Path, shape: tuple[int, ...]) -> None:
    with tifffile.TiffFile(path) as written:
        found = tuple(written.series[0].get_shape(squeeze=False)) if written.series else ()
    if int(np.prod(found)) != int(np.prod(shape)):
        raise OutputError(f"The written TIFF holds {found} instead of {shape}. Is the disk full?")
