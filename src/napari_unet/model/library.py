"""Where models are found: built in, the user's folder, any path given. Headers only, no torch,
until one is loaded.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import ModelFileError
from napari_unet.model.formats.safetensors_header import SUFFIX, ModelHeader, read_header

if TYPE_CHECKING:
    from napari_unet.model.model import Model

BUILTIN_FOLDER = Path(__file__).parent / "builtin"
FOLDER_VARIABLE = "NAPARI_UNET_MODELS"
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
    """The folder of the user's own models; the variable NAPARI_UNET_MODELS moves it."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder)
    from platformdirs import user_data_path

    return user_data_path("napari-unet-loop", appauthor=False) / "models"


def list_models() -> list[ModelEntry]:
    """Every model of the library, built-in ones first."""
    return [*_in_folder(BUILTIN_FOLDER, True), *_in_folder(user_folder(), False)]


def find_model(name_or_path: str | Path) -> Path:
    """The file of a model by its name in the library or by its path; raises `ModelFileError` if
    there is none.
    """
    if Path(name_or_path).suffix == SUFFIX or os.sep in str(name_or_path):
        return Path(name_or_path)
    for folder in (BUILTIN_FOLDER, user_folder()):
        if (path := folder / f"{name_or_path}{SUFFIX}").is_file():
            return path
    names = ", ".join(entry.name for entry in list_models()) or "none yet"
    raise ModelFileError(
        f"There is no model {str(name_or_path)!r}. Known models: {names}; or give the path of a {SUFFIX} file."
    )


def load_model(name_or_path: str | Path) -> "Model":
    """Load a model by its name in the library or by its path.

    Raises `ModelFileError` for a file that is missing, damaged, foreign or too large, and
    `TorchUnavailableError` where PyTorch does not start.
    """
    from napari_unet.model.formats.safetensors_file import load_model_file

    return load_model_file(find_model(name_or_path))


def _in_folder(folder: Path, builtin: bool) -> list[ModelEntry]:
    return [model_entry(path, builtin) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def model_entry(path: Path, builtin: bool = False) -> ModelEntry:
    """What the file of a model says of itself, or why it can not be used."""
    try:
        return ModelEntry(path.stem, path, builtin, read_header(path))
    except ModelFileError as error:
        return ModelEntry(path.stem, path, builtin, None, str(error))


def load_entry(entry: ModelEntry) -> "Model":
    """The model as it was when it was chosen; raises `ModelFileError` where its file is another one
    by now.
    """
    model = load_model(entry.path)
    if entry.header is None or (model.spec, model.weights_sha256) != (
        entry.header.spec,
        entry.header.weights_sha256,
    ):
        raise ModelFileError(CHANGED)
    return model
