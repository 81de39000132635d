"""Versions of the spec in model files: what is read, left out and refused, and what is written."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from helpers.model_files import rewrite_spec, spec_in
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import ModelFileError
from napari_unet.model.config import UNetConfig
from napari_unet.model.formats import spec_text as spec_text_module
from napari_unet.model.formats.registry import read_header, read_model
from napari_unet.model.formats.spec_text import parse_spec, spec_text
from napari_unet.model.library import save_model
from napari_unet.model.model import Model
from napari_unet.model.spec import (
    ClassSpec,
    MeasuredHalo,
    ModelSpec,
    Normalization,
    Provenance,
    TrainedSpacing,
)
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model

SPEC = tiny_spec(depth=1)
PARTS: dict[str, type[BaseModel]] = {
    "architecture": UNetConfig,
    "classes": ClassSpec,
    "normalization": Normalization,
    "spacing": TrainedSpacing,
    "halo": MeasuredHalo,
    "provenance": Provenance,
}


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model(SPEC)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    return save_model(model, tmp_path / "tiny.safetensors")


def newer(spec: dict[str, Any]) -> None:
    """Make a spec one of version 2 with fields that nobody knows yet."""
    spec["format_version"] = 2
    spec["quality"] = {"of": [1, 2]}
    spec["provenance"]["place"] = "here"
    spec["classes"][1]["icon"] = "cell.svg"


def maps_spec() -> ModelSpec:
    """A spec that only version 2 can hold."""
    config = UNetConfig(width=2, depth=1, out_channels=3, head="independent")
    return ModelSpec(
        name="maps", task="instances", architecture=config, channels=("grey",), classes=SPEC.classes
    )


def refusal(text: object, name: str = "m.safetensors") -> str:
    with pytest.raises(ModelFileError) as caught:
        parse_spec(text, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_spec_of_version_2_is_read_as_one_of_version_1(model: Model, saved: Path) -> None:
    rewrite_spec(saved, lambda spec: spec.update(format_version=2))
    again = read_model(saved)
    assert again.spec == model.spec
    assert (again.notes, again.weights_sha256) == ((), model.weights_sha256)


def test_unknown_fields_of_a_newer_file_are_left_out_and_noted(model: Model, saved: Path) -> None:
    rewrite_spec(saved, newer)
    header = read_header(saved)
    assert (header.spec, header.format_version) == (model.spec, 2)
    assert len(header.notes) == 1
    assert header.notes[0].startswith(
        "tiny.safetensors was made by a newer version of this program"
    )
    assert read_model(saved).notes == header.notes
    assert read_model(saved).weights_sha256 == model.weights_sha256


def test_a_child_of_a_newer_file_is_written_in_the_lowest_version(
    saved: Path, tmp_path: Path
) -> None:
    rewrite_spec(saved, newer)
    child = save_model(read_model(saved), tmp_path / "child.safetensors")
    assert spec_in(child)["format_version"] == 1
    assert read_header(child).notes == ()


def test_unknown_fields_of_version_1_are_refused(saved: Path) -> None:
    rewrite_spec(saved, lambda spec: spec.update(quality=1))
    with pytest.raises(ModelFileError, match="another version or not ours: quality"):
        read_header(saved)


@pytest.mark.parametrize("version", [3, 17])
def test_a_newer_version_is_refused_in_a_sentence_that_says_to_update(version: int) -> None:
    text = json.dumps({"format_version": version, "anything": "else"})
    assert f"in format {version}" in refusal(text)
    assert refusal(text).endswith("Update napari-unet-loop to use it.")


@pytest.mark.parametrize("required", [["flying"], ["independent-head", "flying"], "flying", [[1]]])
def test_what_a_file_requires_must_be_known(required: object) -> None:
    values = json.loads(spec_text(SPEC)) | {"format_version": 2, "requires": required}
    assert "which this version of the program does not know. Update" in refusal(json.dumps(values))
    assert "independent-head" not in refusal(json.dumps(values))


@pytest.mark.parametrize("version", [1, 2])
def test_a_task_that_is_not_known_is_named(version: int) -> None:
    values = json.loads(spec_text(SPEC)) | {"format_version": version, "task": "tracks"}
    said = refusal(json.dumps(values))
    assert "does the task 'tracks', which this version of the program does not know." in said
    assert said.endswith("Update napari-unet-loop to use it.")


def test_nothing_of_a_network_is_left_out() -> None:
    values = json.loads(spec_text(SPEC)) | {"format_version": 2}
    values["architecture"]["attention"] = True
    assert "a network with 'attention'" in refusal(json.dumps(values))


@pytest.mark.parametrize("version", [0, "2", 1.5, None, True, [2]])
def test_odd_versions_are_refused(version: object) -> None:
    values = json.loads(spec_text(SPEC)) | {"format_version": version, "quality": 1}
    assert "another version or not ours" in refusal(json.dumps(values))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", None, 3, "[" * 100_000, '{"name":"\\ud800"}']
)
def test_texts_that_are_no_spec_are_refused(text: object) -> None:
    assert "another version or not ours" in refusal(text)


@given(st.data())
def test_odd_values_raise_nothing_but_our_error(data: st.DataObject) -> None:
    leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
    odd = st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    values = json.loads(spec_text(SPEC)) | {"format_version": 2}
    part = data.draw(st.sampled_from([*PARTS, "requires", "name", "format_version", "other"]))
    values[part] = data.draw(odd)
    with suppress(ModelFileError):
        parse_spec(json.dumps(values), "m")


def test_what_version_1_can_hold_is_written_as_it_always_was() -> None:
    spec = SPEC.model_copy(update={"data": "µ × 5", "threshold": 1e-5})
    assert spec_text(spec) == f'{{"format_version":1,{spec.model_dump_json()[1:]}'
    values = json.loads(spec_text(spec))
    assert values.keys() == {"format_version", *spec_text_module.FIELDS_OF_1}


def test_what_needs_version_2_is_written_with_what_it_requires(tmp_path: Path) -> None:
    spec = maps_spec()
    path = save_model(build_model(spec, UNet(spec.architecture)), tmp_path / "maps")
    written = spec_in(path)
    assert (written["format_version"], written["requires"]) == (2, ["independent-head"])
    assert read_header(path).spec == spec
    assert read_header(path).notes == ()


def test_a_clip_of_its_own_has_to_be_known_by_who_reads_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = SPEC.model_copy(update={"normalization": Normalization(high=99.0)})
    assert "requires" not in json.loads(spec_text(usual))
    clipped = SPEC.model_copy(update={"normalization": Normalization(clip=(-1.0, 9.0))})
    written = json.loads(spec_text(clipped))
    assert (written["format_version"], written["requires"]) == (2, ["clip"])
    assert parse_spec(json.dumps(written), "m").spec == clipped
    monkeypatch.delitem(spec_text_module.FEATURES, "clip")  # as in a program of before
    with pytest.raises(ModelFileError, match=r"needs 'clip'.*Update"):
        parse_spec(json.dumps(written), "m")


def test_every_field_is_known_to_version_1_or_left_out_where_it_has_its_default() -> None:
    """A field that is added without that would make files that older programs refuse."""
    whole = SPEC.model_copy(
        update={
            "spacing": TrainedSpacing(size=(1.0, 1.0)),
            "halo": MeasuredHalo(voxels=(2, 2), changed=0.0, compared=1),
        }
    )
    values = whole.model_dump(mode="json")
    assert values.keys() <= spec_text_module.FIELDS_OF_1
    for part, known in spec_text_module.FIELDS_OF_PARTS_OF_1.items():
        assert known <= PARTS[part].model_fields.keys()
        items = values[part] if isinstance(values[part], list) else [values[part]]
        assert all(item.keys() <= known for item in items)
    parts = {
        name for name, field in ModelSpec.model_fields.items() if isinstance(values[name], dict)
    }
    assert parts | {"classes"} == PARTS.keys() == spec_text_module.FIELDS_OF_PARTS_OF_1.keys()


def test_a_head_on_every_level_is_required_of_who_reads_the_file(tmp_path: Path) -> None:
    model = tiny_model(tiny_spec(head_levels="every"))
    path = save_model(model, tmp_path / "levels.safetensors")
    assert spec_in(path)["requires"] == ["head-on-every-level"]
    again = read_model(path)
    assert (again.spec, again.weights_sha256) == (model.spec, model.weights_sha256)
