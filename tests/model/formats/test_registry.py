"""The table of model formats: what follows from it, and that a further format is one file and one
line.
"""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import ModelFileError
from napari_unet.model import formats
from napari_unet.model.formats import registry
from napari_unet.model.formats.registry import FORMATS, ModelFormat, read_header, read_model
from napari_unet.model.library import find_model, list_models, load_model, save_model, user_folder
from napari_unet.model.torch_import import torch

WRAPPED_MODULE = """
from napari_unet.model.formats import safetensors_file
from napari_unet.model.formats.safetensors_header import parse_header
import io

def read_header(path):
    data = path.read_bytes()[4:]
    return parse_header(io.BytesIO(data), len(data), path.name)

def read(path):
    return safetensors_file.load_model_bytes(path.read_bytes()[4:], path.name)

def write(model, path):
    path.write_bytes(b"WRAP" + safetensors_file.model_bytes(model, path.name))
"""
WRAPPED = ModelFormat(
    name="wrapped",
    suffixes=(".wrap",),
    signatures=(b"WRAP",),
    header="wrapped",
    module="wrapped",
    writable=True,
)


@pytest.fixture
def _with_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program with one more format: a module, and one line in the table."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "wrapped.py").write_text(WRAPPED_MODULE)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(folder)])
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, WRAPPED))
    monkeypatch.delitem(sys.modules, "napari_unet.model.formats.wrapped", raising=False)


@pytest.mark.usefixtures("_with_wrapped")
def test_a_format_is_added_by_a_file_and_a_line() -> None:
    model = tiny_model(tiny_spec(depth=1))
    folder = user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = save_model(model, folder / "mine.wrap")
    assert path.read_bytes().startswith(b"WRAP")
    assert load_model("mine").weights_sha256 == model.weights_sha256
    assert "mine" in [entry.name for entry in list_models() if entry.header is not None]
    assert registry.model_file_filter() == "Models (*.safetensors *.wrap)"
    with pytest.raises(ModelFileError, match=r"\.safetensors or \.wrap file"):
        find_model("yours")


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_each_entry_is_whole(known: ModelFormat) -> None:
    if not known.module:
        assert known.refusal.endswith(".")
        return
    assert callable(import_module(f"{formats.__name__}.{known.header}").read_header)
    module = import_module(f"{formats.__name__}.{known.module}")
    assert callable(module.read)
    assert not known.writable or callable(module.write)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt", "weights.PTH", "weights"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_not_opened(tmp_path: Path, name: str, zipped: bool) -> None:
    path = tmp_path / name
    torch.save({"a": torch.zeros(2)}, path, _use_new_zipfile_serialization=zipped)
    for read in (read_header, read_model):
        with pytest.raises(ModelFileError, match=r"may run code.*\(\.safetensors\)"):
            read(path)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = save_model(tiny_model(tiny_spec(depth=1)), tmp_path / "a.safetensors")
    assert read_header(path.rename(tmp_path / "a.pt")).spec.name == "tiny"


def test_an_unknown_file_with_the_name_of_a_pickle_is_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"?")
    with pytest.raises(ModelFileError, match="may run code"):
        read_header(tmp_path / "a.pt")
    (tmp_path / "a.bin").write_bytes(b"?")
    with pytest.raises(ModelFileError, match="not a whole"):
        read_header(tmp_path / "a.bin")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "a.safetensors"),
        ("nuclei_v1.5", "nuclei_v1.5.safetensors"),
        ("a.pt", "a.pt.safetensors"),
        ("a.SafeTensors", "a.SafeTensors"),
    ],
)
def test_a_suffix_is_added_where_there_is_none(name: str, path: str) -> None:
    assert registry.with_suffix(Path("folder") / name) == Path("folder") / path


def test_names_of_model_files() -> None:
    assert registry.model_stem(Path("nuclei_v1.5.SAFETENSORS")) == "nuclei_v1.5"
    assert registry.model_stem(Path("nuclei_v1.5")) == "nuclei_v1"
    assert registry.is_model_name("a.pth")
    assert not registry.is_model_name("a.tif")
    assert registry.model_file_filter() == "Models (*.safetensors)"
    assert (registry.suffixes_read(), registry.suffixes_saved()) == (".safetensors",) * 2
