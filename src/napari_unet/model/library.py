"""Where models are found: those that come with the program, the user's folder, and any path. Until
one is loaded, only headers are read, without PyTorch.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import ModelFileError, OutputError
from napari_unet.files.names import is_same_file, name_beside
from napari_unet.model.formats.header import ModelHeader
from napari_unet.model.formats.registry import (
    is_model_name,
    model_files,
    model_stem,
    read_header,
    read_model,
    suffixes_read,
    with_suffix,
    write_model,
)
from napari_unet.words import one_of

if TYPE_CHECKING:
    from napari_unet.model.model import Model

BUILTIN_FOLDER = Path(__file__).parent / "builtin"
FOLDER_VARIABLE = "NAPARI_UNET_MODELS"
SEPARATORS = "/\\"  # on any system: a script may have been written on another
CHANGED = "The model file has changed since it was chosen; choose it again."


@dataclass(frozen=True)
class ModelEntry:
    """A model file in the library; `problem` says why it can not be used."""

    name: str
    path: Path
    builtin: bool
    header: ModelHeader | None
    problem: str = ""


def user_folder() -> Path:
    """The folder of the user's own models, which the variable NAPARI_UNET_MODELS can name."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder)
    from platformdirs import user_data_path

    return user_data_path("napari-unet-loop", appauthor=False) / "models"


def list_models() -> list[ModelEntry]:
    """Every model of the library, built-in ones first."""
    builtin = [model_entry(path, builtin=True) for path in model_files(BUILTIN_FOLDER)]
    return [*builtin, *(model_entry(path) for path in model_files(user_folder()))]


def model_entry(path: Path, builtin: bool = False) -> ModelEntry:
    """What the file of a model says of itself, or why it can not be used."""
    name = model_stem(path)
    try:
        return ModelEntry(name, path, builtin, read_header(path))
    except ModelFileError as error:
        return ModelEntry(name, path, builtin, None, str(error))


def user_model_path(name: str) -> Path:
    """The file of a model of the user's own that has this name, whether there is one or not."""
    return with_suffix(user_folder() / name)


def find_model(name_or_path: str | Path) -> Path:
    """The file of a model, given its name in the library or its path; raises `ModelFileError` for
    a name that no model has.
    """
    text = str(name_or_path)
    if is_model_name(text) or set(SEPARATORS) & set(text):
        return Path(name_or_path)
    known = [path for folder in (BUILTIN_FOLDER, user_folder()) for path in model_files(folder)]
    if (found := _called(text, known)) is not None:
        return found
    names = ", ".join(model_stem(path) for path in known) or "none yet"
    raise ModelFileError(
        f"There is no model {text!r}. Known models: {names}; or give the path of a "
        f"{suffixes_read()} file."
    )


def _called(name: str, known: list[Path]) -> Path | None:
    """The file of that name, or the only one whose name differs in the case of letters alone;
    raises `ModelFileError` if there are several of these.
    """
    if exact := [path for path in known if model_stem(path) == name]:
        return exact[0]
    alike = [path for path in known if model_stem(path).casefold() == name.casefold()]
    if len(alike) > 1:
        names = one_of(model_stem(path) for path in alike)
        raise ModelFileError(f"{name!r} may be {names}. Write it as it is listed.")
    return alike[0] if alike else None


def load_model(name_or_path: str | Path) -> "Model":
    """Load a model by its name in the library or by its path.

    Raises `ModelFileError` for a file that is missing, damaged, foreign or too large, and
    `TorchUnavailableError` where PyTorch does not start.
    """
    return read_model(find_model(name_or_path))


def save_model(model: "Model", path: Path | str) -> Path:
    """Write a model file, atomically and verified, and return its path.

    Raises `OutputError` where it can not be written (the old file stays), `ModelFileError` for
    weights that are not finite.
    """
    return write_model(model, path)


def save_elsewhere(model: "Model", path: Path) -> Path | None:
    """Save a model whose file can not be written at `path` in another folder, as a new file: the
    current one, that of the user's models, the home or that of temporary files. None where nothing
    can be written in any.
    """
    name = name_beside(f"{model_stem(path)}-{model.weights_sha256[:8]}", path.suffix)
    folders = [Path.cwd(), user_folder(), Path.home()]
    with suppress(FileNotFoundError):  # there is none that can be written
        folders.append(Path(tempfile.gettempdir()))
    for folder in folders:
        if (folder / name).exists() or is_same_file(folder, path.parent):
            continue
        with suppress(OutputError):  # it can not be written either
            return save_model(model, folder / name)
    return None


def load_entry(entry: ModelEntry) -> "Model":
    """Load the model of an entry; raises `ModelFileError` if its file has changed since the entry
    was made.
    """
    model = load_model(entry.path)
    if entry.header is None or (model.spec, model.weights_sha256) != (
        entry.header.spec,
        entry.header.weights_sha256,
    ):
        raise ModelFileError(CHANGED)
    return model
