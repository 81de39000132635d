"""The table of model formats. Everything that depends on which ones there are follows from it: how
a file is read and written, file dialogs, suffixes, and what refusals say.

A further format is one or two more modules beside this one and one more line in `FORMATS`. The
modules are imported when they are needed: no header is read with PyTorch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.errors import ModelFileError
from napari_unet.files.file_format import FileFormat, beginning_of, without_suffix
from napari_unet.files.names import unusual_kind
from napari_unet.words import one_of

if TYPE_CHECKING:
    from napari_unet.model.formats.header import ModelHeader
    from napari_unet.model.model import Model


@dataclass(frozen=True, kw_only=True)
class ModelFormat(FileFormat):
    """One kind of model file.

    `header` and `module` are the names of modules in this folder: the first has a function
    `read_header(path)`, which gives a `ModelHeader` without importing PyTorch; the second has
    `read(path)`, which gives a `Model`, and, if models are saved in this format (`writable`),
    `write(model, path)`. A format without them is known but not read, and `refusal` says why.
    """

    header: str = ""
    module: str = ""
    writable: bool = False
    refusal: str = ""


FORMATS: tuple[ModelFormat, ...] = (
    ModelFormat(
        name="safetensors",
        suffixes=(".safetensors",),
        signatures=(b"{",),  # JSON, after eight bytes that say how long it is
        signature_at=8,
        header="safetensors_header",
        module="safetensors_file",
        writable=True,
    ),
    ModelFormat(
        name="PyTorch pickle",
        suffixes=(".pt", ".pth"),
        signatures=(b"PK\x03\x04", b"\x80"),  # zip archives, and pickles without one
        refusal="is a PyTorch pickle, which may run code; it is not opened.",
    ),
)


def read_header(path: Path | str) -> "ModelHeader":
    """What a model file says of itself; raises `ModelFileError` with one sentence for anything that
    is wrong with it.
    """
    path = Path(path)
    with _reading(path) as found:
        header: ModelHeader = _module(found.header).read_header(path)
    return header


def read_model(path: Path | str) -> "Model":
    """The model in a file; raises `ModelFileError` as `read_header`, or for damaged weights."""
    path = Path(path)
    with _reading(path) as found:
        model: Model = _module(found.module).read(path)
    return model


def write_model(model: "Model", path: Path | str) -> Path:
    """Write a model in the format that its path names, or else in the usual one, whose suffix is
    added; returns the path.

    Raises `OutputError` where it can not be written (the old file stays), `ModelFileError` for
    weights that are not finite.
    """
    path = with_suffix(Path(path))
    written = next(known for known in _written() if known.has_name(path.name))
    _module(written.module).write(model, path)
    return path


def is_model_name(name: str) -> bool:
    """Whether a name ends as those of model files do, be they read or refused."""
    return any(known.has_name(name) for known in FORMATS)


def model_files(folder: Path) -> list[Path]:
    """The files in a folder whose names are those of models that can be read, in alphabetical
    order; none if there is no such folder, or if it may not be read.
    """
    try:
        found = list(folder.iterdir())
    except OSError:
        return []
    return sorted(
        path
        for path in found
        if any(known.has_name(path.name) for known in _read())
        and not path.name.startswith(".")  # as macOS keeps beside files on other systems' disks
    )


def model_stem(path: Path) -> str:
    """The name of a model file without its suffix."""
    return without_suffix(path, FORMATS)


def with_suffix(path: Path) -> Path:
    """The path with the suffix of the usual format, unless it has that of one that is written."""
    written = _written()
    if any(known.has_name(path.name) for known in written):
        return path
    return path.with_name(path.name + written[0].suffixes[0])


def suffixes_read() -> str:
    """The suffixes of models that can be read, for people."""
    return one_of(suffix for known in _read() for suffix in known.usual_suffixes)


def suffixes_saved() -> str:
    """The suffixes of models that can be saved, for people."""
    return one_of(suffix for known in _written() for suffix in known.usual_suffixes)


def model_file_filter() -> str:
    """What a file dialog offers, in the form that Qt wants: "Models (*.safetensors)"."""
    return f"Models ({' '.join(known.patterns for known in _read())})"


@contextmanager
def _reading(path: Path) -> Iterator[ModelFormat]:
    """The format of a file that is about to be read; raises `ModelFileError` for one that is not
    read, and where the system refuses to read it.
    """
    if kind := unusual_kind(path):
        raise ModelFileError(f"{path} is {kind}; only files are read. Choose a model file.")
    try:
        found = _format_of(path)
        if not found.module:
            advice = f"Choose a model saved by napari-unet ({suffixes_read()})."
            raise ModelFileError(f"{path.name} {found.refusal} {advice}")
        yield found
    except OSError as error:
        raise ModelFileError(
            f"{path} can not be read: {error.strerror}. Check the path."
        ) from error


def _format_of(path: Path) -> ModelFormat:
    """The format by the content of a file, or else by its name, or else the usual one, whose reader
    then says what is wrong.
    """
    head = beginning_of(path, FORMATS)
    by_content = (known for known in FORMATS if known.begins(head))
    by_name = (known for known in FORMATS if known.has_name(path.name))
    return next(by_content, None) or next(by_name, FORMATS[0])


def _read() -> list[ModelFormat]:
    return [known for known in FORMATS if known.module]


def _written() -> list[ModelFormat]:
    return [known for known in FORMATS if known.writable]


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
