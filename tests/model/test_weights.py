"""The identity of a model: what changes it, and what does not."""

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.model.config import UNetConfig
from napari_unet.model.weights import build_model


def test_identity_follows_weights_and_architecture_not_names() -> None:
    model = tiny_model(tiny_spec(depth=1))
    renamed = build_model(model.spec.model_copy(update={"name": "other"}), model.network)
    assert renamed.weights_sha256 == model.weights_sha256
    assert tiny_model(model.spec, seed=5).weights_sha256 != model.weights_sha256


def test_identity_stays_the_same_over_versions() -> None:
    plain = UNetConfig(width=16, depth=2)
    assert plain.identity == "unet [2, 1, 1, [16, 32, 64], [[2, 2], [2, 2]]] batch plain"
    same = UNetConfig(width=16, depth=2, strides=((2, 2), (2, 2)), dropout=0.3)
    assert same.identity == plain.identity
