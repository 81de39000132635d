"""TIFF files in: ImageJ, OME and plain ones, any compression, large ones without reading them
whole.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_unet.errors import ScanError
from napari_unet.scans.formats.file_image import FileImage, StoredArray
from napari_unet.scans.formats.tiff_spacing import spacing_um

LAZY_BYTES = 512 * 2**20
COLOURS = (3, 4)
BROKEN_CHAIN = ("invalid page offset", "invalid offset to page", "corrupted tag list of page")


def read(path: Path) -> FileImage:
    """The first image of a TIFF file at its finest level; more than `LAZY_BYTES` stay in the file."""
    with _complaints() as complaints, tifffile.TiffFile(path) as file:
        if not file.series:
            raise ScanError(f"{path.name} is a TIFF file without an image. Export it again.")
        series = file.series[0]
        page = series.keyframe
        _check_complete(file, series, path, complaints)
        if (
            page.photometric == tifffile.PHOTOMETRIC.PALETTE
            and page.colormap is not None
            and not file.is_imagej
        ):
            return replace(
                _coloured(series.asarray(), page.colormap, spacing_um(file, page)),
                notes=_notes(file, path),
            )
        rgb = page.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
        axes = _letters(series.axes)
        data = series.asarray() if series.nbytes <= LAZY_BYTES else _lazy(path, series)
        rgb = rgb and "S" in series.axes and data.shape[series.axes.index("S")] in COLOURS
        return FileImage(
            data,
            axes or _guessable(series.axes, data),
            spacing_um(file, page),
            rgb,
            _notes(file, path),
        )


def _notes(file: tifffile.TiffFile, path: Path) -> tuple[str, ...]:
    """That the file holds further images, if it does; what is marked as reduced (thumbnails, labels
    of slides) is none.
    """
    images = [series for series in file.series if not series.keyframe.is_reduced]
    if len(images) < 2:
        return ()
    return (
        f"{path.name} holds {len(images)} images, of which the first is used; export the others as files of their own.",
    )


def _letters(axes: str) -> str:
    """Our letters for tifffile's; "" where all that is known are y and x."""
    if axes.strip("S").strip("QI") == "YX" and axes.strip("S") != "YX":
        return ""
    letters = axes.lower()
    letters = letters.replace("s", "c") if "c" not in letters else letters
    return letters if len(set(letters)) == len(letters) else ""


def _guessable(axes: str, data: Any) -> str:
    """Axes that must not be left to a guess: samples beside axes of unknown meaning."""
    if "S" not in axes:
        return ""
    rest = "qptzyx"[-(len(data.shape) - 1) :]
    place = axes.index("S")
    return rest[:place] + "c" + rest[place:]


def _lazy(path: Path, series: tifffile.TiffPageSeries) -> Any:
    import zarr

    if series.dataoffset is not None and series.keyframe.compression == tifffile.COMPRESSION.NONE:
        return tifffile.memmap(path, series=0, level=0, mode="r")
    store = tifffile.imread(path, aszarr=True, series=0, level=0)
    return StoredArray(zarr.open_array(store, mode="r"), path, store.close)


def _check_complete(
    file: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path, complaints: list[str]
) -> None:
    """Raise `ScanError` where the file ends before its image does, which tifffile only logs."""
    size = file.filehandle.size
    ends = [series.dataoffset + series.nbytes] if series.dataoffset is not None else []
    for page in series.pages:
        if page is not None and page.dataoffsets is not None:
            ends.extend(
                offset + count
                for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
            )
    if max(ends, default=0) > size or any(
        fragment in text for text in complaints for fragment in BROKEN_CHAIN
    ):
        raise ScanError(
            f"{path.name} is truncated: it ends at byte {size}, before its image does. Copy or export it again."
        )


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What tifffile logs meanwhile, instead of it being printed."""
    texts: list[str] = []
    logger = tifffile.logger()
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagate = logger.propagate
    logger.propagate = False
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _coloured(indices: np.ndarray, colormap: np.ndarray, spacing: dict[str, float]) -> FileImage:
    colours = np.moveaxis((colormap >> 8).astype(np.uint8), 0, -1)
    data = colours[indices]
    return FileImage(data, "qptzyx"[-indices.ndim :] + "c", spacing, rgb=True)
