import numpy as np
import pytest

from helpers.tiny import COLOURS, smooth_image, tiny_model, tiny_spec
from napari_unet import load_model, save_model, segment
from napari_unet.errors import SettingsError
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.weights import build_model
from napari_unet.model.widen import BEHIND, widen_head, with_level_heads


def classes(count: int) -> list[ClassSpec]:
    return [ClassSpec(name=f"class {n}", colour=COLOURS[n % 4]) for n in range(count)]


def with_threshold(model: Model, threshold: float) -> Model:
    return Model(
        model.spec.model_copy(update={"threshold": threshold}), model.network, model.weights_sha256
    )


@pytest.mark.parametrize(
    ("threshold", "levels"),
    [(0.5, "last"), (0.3, "last"), (0.65, "last"), (0.8, "last"), (0.5, "every"), (0.65, "every")],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_two_classes_become_more_with_the_same_labels(
    threshold: float, seed: int, levels: str
) -> None:
    model = with_threshold(tiny_model(tiny_spec(head_levels=levels), seed), threshold)
    image = smooth_image((96, 96), seed + 5)
    before = segment(image, model)
    assert 0.02 < before.mean() < 0.98
    for count in (3, 4):
        wide = widen_head(model, classes(count))
        np.testing.assert_array_equal(segment(image, wide), before)
        assert wide.spec.architecture.out_channels == len(wide.spec.classes) == count


@pytest.mark.parametrize("dimensions", [2, 3])
def test_three_classes_become_more_with_the_same_labels(dimensions: int) -> None:
    model = tiny_model(tiny_spec(dimensions, classes=3))
    image = smooth_image((96, 96) if dimensions == 2 else (24, 32, 32), 3)
    before = segment(image, model)
    assert len(np.unique(before)) == 3
    np.testing.assert_array_equal(segment(image, widen_head(model, classes(5))), before)


def test_a_score_at_the_threshold_itself_stays_foreground() -> None:
    model = tiny_model(tiny_spec())
    flat = {
        key: torch.zeros_like(value) if key.startswith("head.") else value
        for key, value in model.network.state_dict().items()
    }
    network = widen_head(model, classes(2)).network
    network.load_state_dict(flat)
    even = build_model(model.spec, network)
    image = smooth_image((32, 32))
    assert (segment(image, even) == 1).all()
    assert (segment(image, widen_head(even, classes(3))) == 1).all()


def test_a_new_class_can_be_learnt_at_once_but_never_wins() -> None:
    model = tiny_model(tiny_spec(classes=3))
    with torch.no_grad():
        scores = widen_head(model, classes(4)).network(torch.randn(1, 1, 64, 64) * 100)
    best = scores[:, :3].amax(dim=1)
    assert (best - scores[:, 3] >= BEHIND * 0.99).all()


def test_a_widened_model_names_its_parent_and_can_be_kept(tmp_path: object) -> None:
    model = tiny_model(tiny_spec())
    before = model.weights_sha256
    wide = widen_head(model, classes(3))
    assert wide.spec.provenance.parent == before != wide.weights_sha256
    assert model.network.config.out_channels == 1
    assert load_model(save_model(wide, f"{tmp_path}/wide")).weights_sha256 == wide.weights_sha256


def test_the_same_number_of_classes_only_renames() -> None:
    model = with_threshold(tiny_model(tiny_spec()), 0.4)
    named = widen_head(
        model, [ClassSpec(name="sky", colour="#000000"), ClassSpec(name="cloud", colour="#ffffff")]
    )
    assert (named.weights_sha256, named.spec.threshold) == (model.weights_sha256, 0.4)
    assert [c.name for c in named.spec.classes] == ["sky", "cloud"]
    assert named.network is not model.network


def test_classes_can_not_be_taken_away() -> None:
    with pytest.raises(SettingsError, match="has 3 classes"):
        widen_head(tiny_model(tiny_spec(classes=3)), classes(2))


@pytest.mark.parametrize("net", [{}, {"depth": 3, "norm": "instance"}, {"depth": 0}])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_heads_on_the_other_levels_change_nothing_before_they_learn(
    dimensions: int, net: dict[str, object]
) -> None:
    model = tiny_model(tiny_spec(dimensions, classes=3, **net))
    more = with_level_heads(model)
    image = torch.from_numpy(smooth_image((21, 34, 29)[-dimensions:]))[None, None].float()
    with torch.inference_mode():
        assert torch.equal(more.network(image), model.network(image))
    assert more.spec.architecture.head_levels == "every"
    assert more.spec.provenance.parent == model.weights_sha256 != more.weights_sha256
    assert with_level_heads(more) is more


def test_the_new_heads_see_their_levels() -> None:
    model = with_level_heads(tiny_model(tiny_spec(depth=3)))
    image = torch.from_numpy(smooth_image((32, 32)))[None, None].float()
    before = model.network(image)
    names = [name for name, _ in model.network.named_parameters() if "level_heads" in name]
    assert len(names) == 3
    for name in names:
        weight = model.network.get_parameter(name)
        with torch.no_grad():
            weight.fill_(1.0)
            assert not torch.allclose(model.network(image), before)
            weight.zero_()
