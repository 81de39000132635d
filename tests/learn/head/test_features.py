import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled
from napari_unet.learn.head import features as features_module
from napari_unet.learn.head.features import feature_count, features_at
from napari_unet.learn.head.fitted_head import _linear_of
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, always_continue

NETS: list[tuple[int, dict[str, object]]] = [
    (2, {"depth": 3}),
    (2, {"depth": 2, "strides": ((3, 1), (2, 4))}),
    (2, {"depth": 1}),
    (2, {"depth": 0}),
    (3, {"depth": 2, "strides": ((1, 2, 2), (3, 2, 2))}),
]


@pytest.mark.parametrize(("dimensions", "net"), NETS)
@pytest.mark.parametrize("levels", ["last", "every"])
def test_weighed_they_are_the_scores_of_the_network(
    monkeypatch: pytest.MonkeyPatch, dimensions: int, net: dict[str, object], levels: str
) -> None:
    """In windows that are far smaller than the image, each with its halo."""
    monkeypatch.setattr(features_module, "CORE", {2: 32, 3: 12})
    monkeypatch.setattr(features_module, "PIECE", {2: 10, 3: 7})
    network = tiny_model(tiny_spec(dimensions, classes=3, head_levels=levels, **net)).network
    shape = (19, 97, 83)[-dimensions:]
    image = smooth_image(shape).astype(np.float32)[None]
    rng = np.random.default_rng(0)
    at = np.stack([rng.integers(0, length, 300) for length in shape], axis=1)
    found = features_at(network, image, at, always_continue)
    with torch.inference_mode():
        scores = network(torch.from_numpy(image)[None])[0]
    wanted = scores[:, *(torch.from_numpy(along) for along in at.T)].T
    assert found.shape == (300, feature_count(network.config))
    torch.testing.assert_close(_linear_of(network).scores(found), wanted, atol=1e-5, rtol=1e-5)


def test_it_can_be_cancelled() -> None:
    network = tiny_model(tiny_spec()).network
    image = np.zeros((1, 32, 32), np.float32)
    with pytest.raises(Cancelled):
        features_at(network, image, np.zeros((1, 2), int), lambda: Control.CANCEL)
