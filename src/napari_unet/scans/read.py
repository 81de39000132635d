"""Reading image files as scans. The format is recognised by what is in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_unet.errors import NapariUNetError, NotEnoughMemoryError, ScanError
from napari_unet.files.names import unusual_kind
from napari_unet.scans.axes import guess_axes
from napari_unet.scans.channels import COLOUR_NAMES, without_alpha
from napari_unet.scans.formats.file_image import FileImage, damaged
from napari_unet.scans.formats.registry import format_of
from napari_unet.scans.library_warnings import ReadWarnings, heard_by
from napari_unet.scans.scan import (
    RGB_CHANNELS,
    SPATIAL,
    Scan,
    default_axes,
    is_plausible,
    may_be_grey_alpha,
    may_be_rgb,
)


def read_scan(
    path: str | Path,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    *,
    dimensions: int = 2,
    channels: int = 1,
    labels: bool = False,
) -> Scan:
    """Open an image file as a `Scan`; a large image stays in its file and is read in parts.

    Parameters
    ----------
    path
        A TIFF or PNG file, or a zarr folder (a plain array or OME-NGFF 0.4 or 0.5).
    axes
        One letter for each axis; what the file says, else a guess for a model of `dimensions` and
        `channels` (`guess_axes`), when not given.
    labels
        Whether the numbers of a colour table are wanted, not its colours; see `read_labels`.
    spacing
        Voxel size in micrometres along the spatial axes, in their order; the file's when not given.

    Raises
    ------
    ScanError
        Where there is no such file, it is of another kind, truncated or damaged, or the axes or
        the spacing do not fit.
    """
    warned = ReadWarnings()
    with heard_by(warned):
        found = _open(Path(path))
    found = _without_colours(found) if labels else _with_colours(found)
    found = _with_transparency(found) if channels == 1 and axes is None else found
    letters = (
        axes or found.axes or guess_axes(found.data.shape, dimensions, found.rgb, channels=channels)
    )
    sizes, unit = (
        (tuple(spacing), "um") if spacing is not None else _spacing(letters, found.spacing_um)
    )
    rgb = found.rgb and channels == 1 and _has_colours(found, letters)
    names = found.channel_names or (COLOUR_NAMES if found.rgb else ())
    scan = Scan(found.data, letters, sizes, unit, rgb, found.notes, found.no_data, names, warned)
    return without_alpha(scan) if found.alpha and not rgb and _has_several(scan) else scan


def _open(path: Path) -> FileImage:
    check_readable(path)
    try:
        return format_of(path).read(path)
    except NapariUNetError:
        raise
    except MemoryError as error:
        raise NotEnoughMemoryError(
            f"{path.name} is larger than the memory that is free. Save it as OME-Zarr, which is "
            "read by parts."
        ) from error
    except PermissionError as error:
        raise ScanError(
            f"{path} may not be read: {error.strerror}. Check its permissions."
        ) from error
    except Exception as error:
        raise damaged(path, error) from error


def check_readable(path: Path) -> None:
    """Raise `ScanError` where there is nothing to read at a path, or what may never end."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ScanError(f"There is no image {path}. Check the path.") from error
    except OSError as error:
        raise ScanError(f"{path} can not be read: {error.strerror}. Check the path.") from error
    if kind := unusual_kind(path):
        raise ScanError(f"{path} is {kind}; only files and folders are read. Save it as a file.")


def _spacing(axes: str, known: Mapping[str, float]) -> tuple[tuple[float, ...], str]:
    """The size along each spatial axis; one that is not known (mostly z) is that of y."""
    spatial = [a for a in axes if a in SPATIAL]
    if "y" not in known or not is_plausible(list(known.values())):
        return (1.0,) * len(spatial), "pixel"
    return tuple(known.get(a, known["y"]) for a in spatial), "um"


def _with_colours(found: FileImage) -> FileImage:
    """The image, taken to be in colour where nothing names its axes and 3 or 4 numbers stand last,
    as napari does.
    """
    return replace(found, rgb=True) if not found.axes and may_be_rgb(found.data.shape) else found


def _with_transparency(found: FileImage) -> FileImage:
    """The image, taken to be grey and transparent where nothing names its axes and 2 numbers stand
    last.
    """
    if found.axes or not may_be_grey_alpha(found.data.shape):
        return found
    return replace(found, axes=default_axes(found.data.ndim, rgb=True), alpha=True)


def _has_several(scan: Scan) -> bool:
    return "c" in scan.axes and scan.shape[scan.axes.index("c")] > 1


def _without_colours(found: FileImage) -> FileImage:
    """The numbers themselves, if a table has turned them into colours."""
    if found.indices is None:
        return found
    return replace(found, data=found.indices, axes=found.axes.removesuffix("c"), rgb=False)


def _has_colours(found: FileImage, axes: str) -> bool:
    return (
        "c" in axes
        and axes.index("c") < found.data.ndim
        and found.data.shape[axes.index("c")] in RGB_CHANNELS
    )
