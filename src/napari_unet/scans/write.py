"""Results as files: TIFF or zarr, with the axes and the voxel size of the scan they belong to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import OutputError
from napari_unet.files.names import check_name, contents, unusual_kind
from napari_unet.files.only_writer import only_writer
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.formats.registry import (
    ScanFormat,
    format_by_name,
    result_format,
    result_suffixes,
)
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.scan import Scan


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
            f"The labels have the shape {labels.shape}, but the scan's is {scan.result_shape}. "
            "Give labels of this scan."
        )
    if labels.dtype.kind not in "bui" or labels.min() < 0:
        raise OutputError(
            f"Labels are whole numbers from 0 up; these are {labels.dtype} from {labels.min()}. "
            "Convert them first."
        )
    file = ResultFile(Path(path), scan, np.min_scalar_type(int(labels.max())), facts=facts or {})
    with open_result(file, overwrite) as array:
        array[...] = labels


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
    levels of a zarr are made at the end, for which `on_progress` and `control` are called for each
    chunk. Raises `BusyError` where another run writes the same file at this moment.
    """

    def look_again() -> None:
        check_output(file.path, overwrite)

    look_again()
    with only_writer(file.path):
        look_again()  # the run that had the lock before may have completed it
        own = replace(file, look_again=look_again)
        with _format(file.path).write(own, on_progress, control) as array:
            yield array


def check_output(path: Path, overwrite: bool = False) -> None:
    """Raise `OutputError` unless a result may be written to `path`."""
    _format(path).check_path(path)
    check_name(path)
    if path.exists():
        _check_replaceable(path, overwrite)


def _format(path: Path) -> ScanFormat:
    """The format of a result of that name; raises `OutputError` where there is none."""
    if (written := result_format(path)) is not None:
        return written
    known = format_by_name(path)
    reason = f"{path.name!r} does not say what to write." if known is None else known.refusal
    raise OutputError(f"{reason} Name the output {result_suffixes()}.")


def _check_replaceable(path: Path, overwrite: bool) -> None:
    if not overwrite:
        raise OutputError(
            f"{path} already exists. Add --overwrite to replace it, or choose another name."
        )
    if path.is_symlink():
        raise OutputError(
            f"{path} is a link to {path.readlink()}, which is not replaced through it. Name that "
            "file itself, or remove the link."
        )
    if kind := unusual_kind(path):
        raise OutputError(f"{path} is {kind} and is not replaced. Choose another name.")
    written = _format(path)
    of_that_kind = path.is_dir() == written.is_folder
    if of_that_kind and (not path.is_dir() or _is_replaceable_folder(path, written)):
        return
    found = "folder" if path.is_dir() else "file"
    raise OutputError(
        f"{path} is a {found} of another kind and is not replaced. Choose another name."
    )


def _is_replaceable_folder(path: Path, written: ScanFormat) -> bool:
    """Whether a folder is an image of that format or empty, so that nothing else is lost."""
    return written.has_content(path, b"") or not any(contents(path))
