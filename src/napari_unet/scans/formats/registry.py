"""The table of image formats. Everything that depends on which ones there are follows from it: how
a file is read and written, help texts, file dialogs, and what refusals say.

A further format is one more module beside this one and one more line in `FORMATS`. The modules are
imported when a file is read or written, so that asking for help imports no library for images.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.errors import ScanError
from napari_unet.files.file_format import FileFormat, beginning_of, without_suffix
from napari_unet.files.names import BESIDE, check_path, unusual_kind
from napari_unet.progress import GetControl, OnProgress
from napari_unet.words import one_of

if TYPE_CHECKING:
    from napari_unet.scans.formats.file_image import FileImage
    from napari_unet.scans.formats.result_file import ResultFile

# How much longer than a folder's path those of its files may be while it is filled: a folder beside
# it that holds it, the place of a chunk, and what is added to that until the chunk is complete.
LONGEST_INSIDE = len(".partial/") + len("/0/c/123/123/123/123/123") + len(".partial") + 33


@dataclass(frozen=True, kw_only=True)
class ScanFormat(FileFormat):
    """One kind of image file.

    `reader` and `writer` are the names of modules in this folder, with a function `read(path)`
    that gives a `FileImage`, and a context manager `write(file, on_progress, control)` that gives
    an array to fill; no results are written in a format without a writer, and `refusal` says why.
    In a format whose images may be spread over several files, the reader has a function
    `files_of(path)` that names them.

    A folder is of this format if it holds a file that matches one of the `markers`. A format
    without markers and signatures is known by its suffixes alone.

    A result in a `resumable` format is filled where it can be found again, so that an interrupted
    run can be continued, and several processes can fill it together.
    """

    reader: str
    markers: tuple[str, ...] = ()
    writer: str = ""
    resumable: bool = False
    title: str = ""  # in file dialogs, where it is more than the name
    refusal: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether an image of this format is a folder."""
        return bool(self.markers)

    def has_content(self, path: Path, head: bytes) -> bool:
        """Whether an existing file or folder is of this format; `head` is how the file begins."""
        if path.is_dir():
            return any(found.is_file() for mark in self.markers for found in path.glob(mark))
        if self.signatures:
            return self.begins(head)
        return not self.markers and self.has_name(path.name)

    def check_path(self, path: Path) -> None:
        """Raise `OutputError` where the system can not take a result of this format there."""
        check_path(path, len(path.name) + LONGEST_INSIDE if self.is_folder else BESIDE)

    def read(self, path: Path) -> "FileImage":
        """The image in a file of this format."""
        image: FileImage = _module(self.reader).read(path)
        return image

    def files_of(self, path: Path) -> list[Path]:
        """The files that the image in a file is spread over; none if it is in one."""
        name_files = getattr(_module(self.reader), "files_of", None)
        return [] if name_files is None else list(name_files(path))

    def write(
        self, file: "ResultFile", on_progress: OnProgress, control: GetControl
    ) -> AbstractContextManager[Any]:
        """An array to fill, which becomes the file at the end of the `with`."""
        opened: AbstractContextManager[Any] = _module(self.writer).write(file, on_progress, control)
        return opened


FORMATS: tuple[ScanFormat, ...] = (
    ScanFormat(
        name="TIFF",
        suffixes=(".tif", ".tiff", ".ome.tif", ".ome.tiff"),
        signatures=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        reader="tiff_read",
        writer="tiff_write",
    ),
    ScanFormat(
        name="PNG",
        suffixes=(".png",),
        signatures=(b"\x89PNG\r\n\x1a\n",),
        reader="png_read",
        refusal="A PNG holds a single slice and no facts about how it was made.",
    ),
    ScanFormat(
        name="zarr",
        suffixes=(".zarr", ".ome.zarr"),
        markers=("zarr.json", ".zarray", ".zgroup"),
        reader="zarr_read",
        writer="zarr_write",
        resumable=True,
        title="OME-Zarr",
    ),
)


def format_of(path: Path) -> ScanFormat:
    """The format of an existing file or folder by its content; raises `ScanError` if it is none."""
    head = b"" if path.is_dir() else beginning_of(path, FORMATS)
    found = [known for known in FORMATS if known.has_content(path, head)]
    if found:  # the name decides where formats begin alike, as compressed ones do
        return next((known for known in found if known.has_name(path.name)), found[0])
    if path.is_dir():
        folders = one_of(known.name for known in FORMATS if known.is_folder)
        raise ScanError(
            f"{path} is a folder, but not a {folders} image. Name the image files in it."
        )
    what = f"not a {names_read()} image" if head else "an empty file"
    raise ScanError(f"{path.name} is {what}. Export the image as one of these.")


def files_of_image(path: Path) -> list[Path]:
    """The files that the image at a path is spread over, where it is in several; none too where it
    can not be opened, of which its reading will say why.
    """
    try:
        return [] if unusual_kind(path) else format_of(path).files_of(path)
    except Exception:  # whatever is wrong with a file, here nothing is read of it
        return []


def format_by_name(path: Path) -> ScanFormat | None:
    """The format whose files have names like this one, if there is one."""
    return next((known for known in FORMATS if known.has_name(path.name)), None)


def result_format(path: Path) -> ScanFormat | None:
    """The format in which a result of that name is written; None where it is written in none."""
    known = format_by_name(path)
    return known if known is not None and known.writer else None


def is_resumable(path: Path) -> bool:
    """Whether a run that fills a result of that name can be interrupted and continued."""
    known = result_format(path)
    return known is not None and known.resumable


def image_stem(path: Path) -> str:
    """The name of an image or a result without its suffix."""
    return without_suffix(path, FORMATS)


def suffix_like(path: Path) -> str:
    """The suffix of a result in the format of that file, or else in the first one there is."""
    return (result_format(path) or _written()[0]).suffixes[0]


def names_read() -> str:
    """The formats that are read, for people, such as "TIFF, PNG or zarr"."""
    return one_of(known.name for known in FORMATS)


def result_suffixes() -> str:
    """The suffixes that results may have, for people, such as ".tif, .tiff or .zarr"."""
    return one_of(suffix for known in _written() for suffix in known.usual_suffixes)


def resumable_formats() -> list[ScanFormat]:
    """The formats from which an interrupted run can be continued, the usual one first."""
    return [known for known in _written() if known.resumable]


def resumable_suffixes() -> str:
    """Their suffixes, for people."""
    return one_of(suffix for known in resumable_formats() for suffix in known.usual_suffixes)


def image_file_filter(formats: Iterable[ScanFormat]) -> str:
    """What a file dialog offers, in the form that Qt wants: "OME-Zarr (*.zarr)"."""
    return ";;".join(f"{known.title or known.name} ({known.patterns})" for known in formats)


def _written() -> list[ScanFormat]:
    return [known for known in FORMATS if known.writer]


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
