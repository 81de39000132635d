"""Reading TIFF files: ImageJ, OME and plain ones, in any compression. Large images stay in the
file.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_unet.errors import ScanError
from napari_unet.scans.formats.file_image import FileImage, InvertedArray, StoredArray
from napari_unet.scans.formats.ome_xml import (
    companion_of,
    files_of_set,
    has_sound_xml,
    ome_channel_names,
)
from napari_unet.scans.formats.tiff_spacing import spacing_um
from napari_unet.scans.library_warnings import ReadWarnings, heard_by, listener
from napari_unet.scans.scan import RGB_CHANNELS
from napari_unet.words import some

LAZY_BYTES = 512 * 2**20
ALPHAS = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
NO_XML = (
    "The description (OME-XML) of {} is damaged: its pixels are used, and the voxel size is "
    "unknown."
)
BROKEN_CHAIN = ("invalid page offset", "invalid offset to page", "corrupted tag list of page")


def read(path: Path) -> FileImage:
    """The first image of a TIFF file at its finest level; a large one stays in the file."""
    with heard_by(listener()), tifffile.TiffFile(path) as file:
        if not file.series:
            raise ScanError(f"{path.name} is a TIFF file without an image. Export it again.")
        series = file.series[0]
        page = series.keyframe
        _check_complete(file, series, path)
        _check_set(file, series, path)
        facts = FileImage(
            None,
            spacing_um=spacing_um(file, page),
            notes=_notes(file, path),
            no_data=_no_data(page),
            channel_names=ome_channel_names(file),
            alpha="S" in series.axes and (page.extrasamples or (0,))[-1] in ALPHAS,
        )
        if (
            page.photometric == tifffile.PHOTOMETRIC.PALETTE
            and page.colormap is not None
            and not file.is_imagej
        ):
            return _coloured(series.asarray(), page.colormap, facts)
        rgb = page.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
        axes = _letters(series.axes)
        data = series.asarray() if series.nbytes <= LAZY_BYTES else _lazy(path, series)
        data = _black_is_least(data, file, page)
        rgb = rgb and "S" in series.axes and data.shape[series.axes.index("S")] in RGB_CHANNELS
        return replace(facts, data=data, axes=axes or _guessable(series.axes, data), rgb=rgb)


def files_of(path: Path) -> list[Path]:
    """The files that one image is spread over, as far as they are there; none if it is in one."""
    with heard_by(ReadWarnings()), tifffile.TiffFile(path) as file:
        files = [path.parent / name for name in files_of_set(file)]
    return [each for each in files if each.exists()]


def _notes(file: tifffile.TiffFile, path: Path) -> tuple[str, ...]:
    """Notes: that the description is damaged, and that there are further images. Thumbnails and
    labels of slides, which are marked as reduced, do not count.
    """
    notes = [] if has_sound_xml(file) else [NO_XML.format(path.name)]
    images = [series for series in file.series if not series.keyframe.is_reduced]
    if len(images) > 1:
        notes.append(
            f"{path.name} holds {len(images)} images, of which the first is used; export the "
            "others as files of their own."
        )
    return tuple(notes)


def _no_data(page: Any) -> float | None:
    """The value of pixels outside the image, in a tag of GDAL."""
    tag = page.tags.get("GDAL_NODATA")
    try:
        value = float(str(tag.value).strip("\0 ")) if tag is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _black_is_least(data: Any, file: tifffile.TiffFile, page: Any) -> Any:
    """The data with black as the least value. A plain TIFF may say that 0 is white; then it is
    inverted. In ImageJ's own files this only says how the image is shown, and tifffile writes it
    into every mask of one bit: these are taken as they are.
    """
    whole = np.dtype(data.dtype).kind in "bu"
    as_written = file.is_imagej or (page.bitspersample == 1 and page.software == "tifffile.py")
    if page.photometric != tifffile.PHOTOMETRIC.MINISWHITE or as_written or not whole:
        return data
    inverted = InvertedArray(data, 2**page.bitspersample - 1)
    return inverted[...] if type(data) is np.ndarray else inverted  # a mapped file stays on disk


def _check_set(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> None:
    """Raise `ScanError` where the image is spread over several files and not all of it is there:
    tifffile would take absent planes for black ones.
    """
    if (companion := companion_of(file)) is not None:
        raise ScanError(
            f"{path.name} holds a part of an image that {companion} describes. "
            "Save the whole image as one file, such as an OME-TIFF or OME-Zarr."
        )
    absent = sum(page is None for page in series.pages)
    if absent:
        missing = [name for name in files_of_set(file) if not (path.parent / name).exists()]
        names = (
            f": {some(missing)} {'is' if len(missing) == 1 else 'are'} not there" if missing else ""
        )
        raise ScanError(
            f"{absent} of the {len(series.pages)} planes of {path.name} are missing{names}. "
            "Put all files of the image into one folder, under the names they had."
        )


def _letters(axes: str) -> str:
    """Our letters for those of tifffile; "" if only y and x are known."""
    if axes.strip("S").strip("QI") == "YX" and axes.strip("S") != "YX":
        return ""
    letters = axes.lower()
    letters = letters.replace("s", "c") if "c" not in letters else letters
    return letters if len(set(letters)) == len(letters) else ""


def _guessable(axes: str, data: Any) -> str:
    """Axes of a file that has colours beside axes it does not name; "" if they may be guessed."""
    if "S" not in axes:
        return ""
    rest = "qptzyx"[-(len(data.shape) - 1) :]
    samples = axes.index("S")
    return rest[:samples] + "c" + rest[samples:]


def _lazy(path: Path, series: tifffile.TiffPageSeries) -> Any:
    import zarr

    if series.dataoffset is not None and series.keyframe.compression == tifffile.COMPRESSION.NONE:
        return tifffile.memmap(path, series=0, level=0, mode="r")
    store = tifffile.imread(path, aszarr=True, series=0, level=0)
    return StoredArray(zarr.open_array(store, mode="r"), path, store.close)


def _check_complete(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> None:
    """Raise `ScanError` if the file ends before its image does, which tifffile only logs."""
    size = file.filehandle.size
    ends = [series.dataoffset + series.nbytes] if series.dataoffset is not None else []
    for page in series.pages:
        if page is not None and page.dataoffsets is not None:
            ends.extend(
                offset + count
                for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
            )
    if max(ends, default=0) > size or any(
        fragment in text for text in listener().texts for fragment in BROKEN_CHAIN
    ):
        raise ScanError(
            f"{path.name} is truncated: it ends at byte {size}, before its image does. Copy or "
            "export it again."
        )


def _coloured(indices: np.ndarray, colormap: np.ndarray, facts: FileImage) -> FileImage:
    colours = np.moveaxis((colormap >> 8).astype(np.uint8), 0, -1)
    data = colours[indices]
    axes = "qptzyx"[-indices.ndim :] + "c"
    return replace(facts, data=data, axes=axes, rgb=True, indices=indices)
