import contextlib
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.model_files import rewrite_header, rewrite_spec
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import ModelFileError, OutputError
from napari_unet.model.formats import safetensors_header as header_module
from napari_unet.model.formats.registry import read_header, read_model
from napari_unet.model.library import save_model
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model(tiny_spec(depth=1))


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    return save_model(model, tmp_path / "tiny.safetensors")


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_round_trip_keeps_weights_spec_and_identity(model: Model, saved: Path) -> None:
    again = read_model(saved)
    assert again.spec == model.spec
    assert again.weights_sha256 == model.weights_sha256
    image = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(again.network(image), model.network(image))


def test_facts_come_from_the_header_without_torch(saved: Path) -> None:
    code = (
        "import sys; from napari_unet.model.formats.registry import read_header;"
        "from napari_unet.model.library import list_models;"
        f"h = read_header({str(saved)!r}); list_models(); print(h.spec.name, h.parameters);"
        "assert 'torch' not in sys.modules"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert out[0] == "tiny"
    assert int(out[1]) == sum(
        t.numel() for k, t in read_model(saved).network.state_dict().items() if "tracked" not in k
    )


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 500, -1])
def test_truncated_files_are_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    assert "Copy it again" in refusal(saved) or "copy it again" in refusal(saved)


def test_tensors_without_a_spec_are_refused(saved: Path) -> None:
    rewrite_header(saved, lambda fields: fields.pop("__metadata__"))
    assert "does not say what network" in refusal(saved)


@pytest.mark.parametrize("name", ["a\nb", "x" * 81, "", "\x1b[31mred"])
def test_odd_names_are_refused(saved: Path, name: str) -> None:
    rewrite_spec(saved, lambda spec: spec.update(name=name))
    assert "name" in refusal(saved)


def test_weights_of_another_network_are_refused(saved: Path) -> None:
    rewrite_spec(saved, lambda spec: spec["architecture"].update(width=8))
    assert "does not hold the network it describes" in refusal(saved)


def test_a_flipped_bit_is_noticed(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-10] ^= 1
    saved.write_bytes(bytes(data))
    assert "own hash" in refusal(saved)


def test_weights_that_are_not_finite_are_refused(model: Model, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    sick = UNet(model.spec.architecture)
    with torch.no_grad():
        sick.head.bias.fill_(float("nan"))
    with pytest.raises(ModelFileError, match="not finite"):
        save_model(build_model(model.spec, sick), saved)
    assert saved.read_bytes() == before
    data = bytearray(before)
    data[-4:] = struct.pack("<f", float("inf"))
    saved.write_bytes(bytes(data))
    assert "not finite" in refusal(saved)


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MAX_FILE_BYTES", 100, "at most 1 MB"),
        ("MAX_HEADER_BYTES", 10, "not a whole"),
        ("MAX_PARAMETERS", 10, "parameters"),
        ("MAX_TENSORS", 3, "tensors"),
    ],
)
def test_oversized_files_are_refused_before_a_network_is_built(
    saved: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    monkeypatch.setattr(header_module, limit, value)
    monkeypatch.setattr("napari_unet.model.formats.safetensors_file.UNet", None)
    assert words in refusal(saved)


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_our_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x.safetensors"
    path.write_bytes(data)
    refusal(path)


@given(st.data())
def test_random_damage_raises_nothing_but_our_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = save_model(
        tiny_model(tiny_spec(depth=0, width=1)), tmp_path_factory.mktemp("bits") / "x.safetensors"
    )
    damaged = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(damaged))
    with contextlib.suppress(
        ModelFileError
    ):  # anything else is a failure; a flipped bit of a text may also be harmless
        read_model(path)


def test_missing_files_and_folders_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="can not be read"):
        read_header(tmp_path / "none.safetensors")
    with pytest.raises(ModelFileError, match="can not be read"):
        read_header(tmp_path)


def test_a_failed_save_keeps_the_old_file(
    model: Model, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(path: Path, payload: bytes) -> None:
        path.write_bytes(payload[: len(payload) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_unet.model.formats.safetensors_file._write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        save_model(model, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(os.name != "posix", reason="permissions are of POSIX systems")
def test_permissions_follow_the_umask_and_the_old_file(model: Model, saved: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~umask
    saved.chmod(0o640)
    save_model(model, saved)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640


@pytest.mark.parametrize("length", range(0, 264, 8))
def test_no_length_of_header_is_taken_for_a_pickle(
    model: Model, tmp_path: Path, length: int
) -> None:
    spec = model.spec.model_copy(update={"summary": "x" * length})
    assert (
        read_model(save_model(build_model(spec, model.network), tmp_path / "x.safetensors")).spec
        == spec
    )


def test_dots_in_a_name_are_kept(model: Model, tmp_path: Path) -> None:
    assert save_model(model, tmp_path / "nuclei_v1.5").name == "nuclei_v1.5.safetensors"


@pytest.mark.parametrize(
    "record",
    [
        {"scores": {"\x1b]0;x": 1.0}},
        {"scores": {"a": float("nan")}},
        {"training": {"a": "x" * 30_000}},
    ],
)
def test_odd_provenance_is_refused(record: dict[str, object]) -> None:
    from pydantic import ValidationError

    from napari_unet.model.spec import Provenance

    with pytest.raises(ValidationError):
        Provenance.model_validate(record)
