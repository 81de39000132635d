"""Results as files: TIFF or zarr, with the axes and the voxel size of the scan they belong to."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import OutputError
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.scan import Scan

TIFF_SUFFIXES = (".tif", ".tiff")
ZARR_SUFFIX = ".zarr"


def write_labels(
    path: str | Path,
    labels: Any,
    scan: Scan,
    overwrite: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write integer labels of `scan.result_shape` to a .tif, .tiff or .zarr path, as the smallest
    integers that hold them.

    Raises `OutputError` for an existing path without `overwrite`, another suffix, or labels that do
    not fit the scan.
    """
    labels = np.asarray(labels)
    if labels.shape != scan.result_shape:
        raise OutputError(
            f"The labels have the shape {labels.shape}, but the scan's is {scan.result_shape}. Give labels of this scan."
        )
    if labels.dtype.kind not in "bui" or labels.min() < 0:
        raise OutputError(
            f"Labels are whole numbers from 0 up; these are {labels.dtype} from {labels.min()}. Convert them first."
        )
    file = ResultFile(Path(path), scan, np.min_scalar_type(int(labels.max())), facts=facts or {})
    with open_result(file, overwrite) as array:
        array[...] = labels


def write_probabilities(
    path: str | Path,
    probabilities: Any,
    scan: Scan,
    overwrite: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write class probabilities of shape (classes, *scan.result_shape) as an image with a channel
    axis.

    Float32 in a TIFF, which more programs can read; float16 in a zarr. Raises as `write_labels`
    does.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.shape[1:] != scan.result_shape:
        raise OutputError(
            f"The probabilities have the shape {probabilities.shape}; expected (classes, *{scan.result_shape})."
        )
    file = ResultFile(Path(path), scan, np.float16, len(probabilities), facts or {})
    with open_result(file, overwrite) as array:
        array[...] = np.moveaxis(probabilities, 0, file.channel_axis)


@contextmanager
def open_result(
    file: ResultFile,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> Iterator[Any]:
    """An array of `file.shape` to fill, of any size; it becomes the file at the end of the `with`,
    or not at all.

    Where the block raises, nothing is left behind and an existing file stays as it was. The coarser
    levels of a zarr are made at the end: that is told, and what the user wants is asked, for each
    chunk.
    """
    check_output(file.path, overwrite)
    with _result(file, on_progress, control) as array:
        yield array


def _result(
    file: ResultFile, on_progress: OnProgress, control: GetControl
) -> AbstractContextManager[Any]:
    if file.path.suffix.lower() == ZARR_SUFFIX:
        from napari_unet.scans.formats.zarr_write import zarr_result

        return zarr_result(file, on_progress, control)
    from napari_unet.scans.formats.tiff_write import tiff_result

    return tiff_result(file)


def check_output(path: Path, overwrite: bool = False) -> None:
    """Raise `OutputError` unless a result may be written to `path`."""
    suffix = path.suffix.lower()
    if suffix not in (*TIFF_SUFFIXES, ZARR_SUFFIX):
        raise OutputError(
            f"{path.name!r} does not say what to write. Name the output .tif, .tiff or .zarr."
        )
    if not path.exists():
        return
    if not overwrite:
        raise OutputError(
            f"{path} already exists. Add --overwrite to replace it, or choose another name."
        )
    if path.is_dir() != (suffix == ZARR_SUFFIX) or (path.is_dir() and not _is_zarr_folder(path)):
        raise OutputError(
            f"{path} is a {'folder' if path.is_dir() else 'file'} of another kind and is not replaced. Choose another name."
        )


def _is_zarr_folder(path: Path) -> bool:
    from napari_unet.scans.formats.zarr_read import is_zarr

    return is_zarr(path) or not any(path.iterdir())
