"""Where models are found, and by which names."""

from pathlib import Path, PureWindowsPath

import pytest

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import ModelFileError
from napari_unet.model.library import (
    BUILTIN_FOLDER,
    FOLDER_VARIABLE,
    find_model,
    list_models,
    load_model,
    save_model,
    user_folder,
    user_model_path,
)

HASHES = {
    "axons-sem-2d": "98c6db4cd3776ef3299a603873110f55a92232c50fe2d80b852f26180dc6fecd",
    "nuclei-2d": "56128e09a6cb4c61e212674dad030e29504c40af065b0c631ae1fe317f5b5783",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of models, empty."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert user_folder() == tmp_path
    return tmp_path


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model file's content."""
    model = tiny_model(tiny_spec(depth=1))
    return save_model(model, tmp_path_factory.mktemp("saved") / "tiny").read_bytes()


def test_models_are_found_by_name_and_by_path_and_those_there_are_are_named(
    folder: Path, payload: bytes
) -> None:
    (folder / "mine.safetensors").write_bytes(payload)
    (folder / "broken.safetensors").write_bytes(b"x" * 20)
    entries = {entry.name: entry for entry in list_models()}
    assert entries["mine"].header is not None
    assert entries["broken"].header is None
    assert "not a whole" in entries["broken"].problem
    assert load_model("mine").spec.name == "tiny"
    assert find_model(folder / "mine.safetensors") == folder / "mine.safetensors"
    with pytest.raises(ModelFileError, match="mine"):
        find_model("yours")


@pytest.mark.parametrize("name", HASHES)
def test_the_identity_of_older_files_stays(name: str) -> None:
    assert load_model(name).weights_sha256 == HASHES[name]


def test_names_that_differ_in_case_alone(folder: Path, payload: bytes) -> None:
    assert find_model("NUCLEI-2D") == BUILTIN_FOLDER / "nuclei-2d.safetensors"
    (folder / "Nuclei-2d.safetensors").write_bytes(payload)
    assert find_model("Nuclei-2d") == folder / "Nuclei-2d.safetensors"
    assert find_model("nuclei-2d") == BUILTIN_FOLDER / "nuclei-2d.safetensors"
    with pytest.raises(ModelFileError, match="may be nuclei-2d or Nuclei-2d"):
        find_model("NUCLEI-2D")


@pytest.mark.parametrize(
    "text",
    ["models/mine", "models\\mine", r"C:\models\mine", "./mine", "mine.safetensors", "mine.pt"],
)
def test_paths_are_told_from_names_on_any_system(text: str) -> None:
    assert find_model(text) == Path(text)


def test_windows_paths_are_taken_whole() -> None:
    path = PureWindowsPath("C:/models") / "mine.v2.safetensors"
    assert str(find_model(str(path))) == r"C:\models\mine.v2.safetensors"


def test_hidden_files_and_others_are_no_models(folder: Path, payload: bytes) -> None:
    for name in ("._mine.safetensors", ".mine.safetensors.a.part", "mine.txt", "old.pt"):
        (folder / name).write_bytes(payload)
    (folder / "loud.SAFETENSORS").write_bytes(payload)
    assert [entry.name for entry in list_models() if not entry.builtin] == ["loud"]
    assert load_model("loud").spec.name == "tiny"


def test_the_file_of_a_new_model(folder: Path) -> None:
    assert user_model_path("nuclei_v1.5") == folder / "nuclei_v1.5.safetensors"
