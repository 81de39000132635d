"""What output channels mean: one sigmoid, a softmax, or independent sigmoids."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from helpers.engines import on
from helpers.tiny import smooth, tiny_model, tiny_spec
from napari_unet import load_model, save_model
from napari_unet.errors import SettingsError
from napari_unet.model.config import MAX_CLASSES, UNetConfig
from napari_unet.model.formats.shapes import tensor_shapes
from napari_unet.model.head import CLASS_DTYPE, Head, head_for_classes, head_of
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.widen import widen_head
from napari_unet.segment.engine.kinds import openvino_version
from napari_unet.segment.engine.torch_engine import TorchEngine

KINDS = [Head("sigmoid", 1), Head("softmax", 4), Head("independent", 3)]


def maps_model(maps: int = 3) -> Model:
    """A model whose channels are independent questions; only objects may have one."""
    spec = tiny_spec()
    values = spec.model_dump()
    values["architecture"] |= Head("independent", maps).config_fields
    return tiny_model(ModelSpec.model_validate(values | {"task": "instances"}))


def test_two_classes_have_one_channel_and_more_have_one_each() -> None:
    assert head_for_classes(2) == Head("sigmoid", 1)
    assert [head_for_classes(n) for n in (3, 255)] == [Head("softmax", 3), Head("softmax", 255)]
    with pytest.raises(ValueError, match="background"):
        head_for_classes(1)


@pytest.mark.parametrize("head", KINDS)
def test_a_network_of_its_fields_has_that_head(head: Head) -> None:
    config = UNetConfig.model_validate({"width": 2, "depth": 1, **head.config_fields})
    assert head_of(config) == head
    assert tensor_shapes(config)["head.bias"] == (head.channels,)
    assert head_of(UNetConfig.model_validate_json(config.model_dump_json())) == head


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_probabilities_are_those_of_the_kind(axis: int) -> None:
    torch.manual_seed(0)
    for head in KINDS:
        scores = torch.randn(5, 6, head.channels).movedim(-1, axis) * 3
        found = head.probabilities(scores, axis).numpy()
        powers = np.exp(scores.numpy().astype(float))
        wanted = (
            powers / powers.sum(axis=axis, keepdims=True)
            if head.kind == "softmax"
            else powers / (1 + powers)
        )
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
        np.testing.assert_allclose(
            head.log_probabilities(scores, axis).numpy(), np.log(wanted), rtol=1e-5, atol=1e-6
        )
        assert np.allclose(found.sum(axis=axis), 1) == head.exclusive


def test_the_logarithm_of_what_is_next_to_nothing_is_finite() -> None:
    for head in KINDS:
        scores = torch.zeros(head.channels)
        scores[0] = -200.0
        assert head.log_probabilities(scores, 0)[0] == pytest.approx(-200, abs=2)


def test_the_background_has_a_channel_only_among_classes_that_exclude_each_other() -> None:
    one, several, questions = KINDS
    assert [head.first_label for head in KINDS] == [1, 0, 1]
    assert list(one.foreground_labels) == [1]
    assert list(several.foreground_labels) == list(questions.foreground_labels) == [1, 2, 3]
    for head in KINDS:
        values = torch.arange(2 * head.channels).view(2, head.channels)
        found = head.foreground(values, axis=1)
        assert found.shape[1] == len(head.foreground_labels)
        assert torch.equal(found[:, -1], values[:, -1])
    assert several.foreground(torch.tensor([[0, 1, 2, 3]]), axis=1).tolist() == [[1, 2, 3]]


def test_every_class_has_a_label_and_one_number_is_left() -> None:
    assert np.iinfo(CLASS_DTYPE).max >= MAX_CLASSES


def test_the_usual_head_changes_neither_identity_nor_file() -> None:
    usual = UNetConfig(width=2, depth=1, out_channels=3)
    other = UNetConfig(width=2, depth=1, out_channels=3, head="independent")
    assert "head" not in usual.model_dump()
    assert "head" not in usual.model_dump_json()
    assert usual.identity == "unet [2, 1, 3, [2, 4], [[2, 2]]] batch plain"
    assert other.identity == usual.identity + " independent"


def test_independent_channels_are_refused_for_classes_and_taken_for_objects() -> None:
    values = tiny_spec().model_dump()
    values["architecture"] |= Head("independent", 3).config_fields
    with pytest.raises(ValidationError, match="do not tell classes apart"):
        ModelSpec.model_validate(values)
    spec = ModelSpec.model_validate(values | {"task": "instances"})
    assert head_of(spec.architecture).channels == 3
    for task in ("semantic", "instances"):
        with pytest.raises(ValidationError, match="3 classes need 3 outputs, not 1"):
            ModelSpec.model_validate(
                tiny_spec(classes=3).model_dump()
                | {"architecture": tiny_spec().architecture, "task": task}
            )


def test_a_model_of_independent_channels_is_kept_in_a_file(tmp_path: object) -> None:
    model = maps_model()
    assert model.weights_sha256 != tiny_model(tiny_spec(classes=3)).weights_sha256
    back = load_model(save_model(model, f"{tmp_path}/maps"))
    assert back.spec == model.spec
    assert back.weights_sha256 == model.weights_sha256
    assert head_of(back.network.config) == Head("independent", 3)


def test_engines_end_in_a_sigmoid_for_each_independent_channel() -> None:
    network = maps_model().network
    window = smooth((1, 32, 24), 3)
    with torch.inference_mode():
        wanted = torch.sigmoid(network(torch.from_numpy(window)[None]))[0].numpy()
    engines = [TorchEngine(network)]
    if openvino_version() is not None:
        from napari_unet.segment.engine.openvino_engine import OpenVinoEngine

        engines.append(OpenVinoEngine(network))
    for engine in engines:
        np.testing.assert_allclose(on(engine, window), wanted, rtol=0, atol=1e-5)
    assert not np.allclose(wanted.sum(axis=0), 1, atol=0.1)


def test_independent_channels_get_no_new_class() -> None:
    model = maps_model()
    with pytest.raises(SettingsError, match="not classes"):
        widen_head(model, [*model.spec.classes, *tiny_spec(classes=3).classes[2:]])


def test_it_is_read_without_torch() -> None:
    code = (
        "import napari_unet.model.head, napari_unet.model.spec, sys; print('torch' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "False"
