import numpy as np
import pytest

from helpers.tiny import COLOURS, smooth_image, tiny_model, tiny_spec
from napari_unet import segment
from napari_unet.errors import Cancelled
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.head.fitted_head import fitted_head
from napari_unet.measure.metrics import overlap
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.weights import build_model
from napari_unet.model.widen import widen_head, with_level_heads
from napari_unet.progress import Control
from napari_unet.scans.scan import scan_of

IMAGE = smooth_image((96, 96), 3)
BRIGHT = (np.quantile(IMAGE, 0.7) < IMAGE).astype(np.uint8)


def fit(model: Model, labels: np.ndarray, trust: np.ndarray | None = None) -> Model:
    scan = scan_of(IMAGE)
    examples = examples_of(scan, labels, model.spec, trust)
    return build_model(model.spec, fitted_head(model.network, examples).network)


def test_few_painted_voxels_teach_what_random_features_can_tell_apart() -> None:
    model = with_level_heads(tiny_model(tiny_spec(width=8)))
    trust = np.zeros(BRIGHT.shape, np.uint8)
    trust[10:14] = 1
    trust[:, 60:63] = 1
    fitted = fit(model, BRIGHT, trust)
    assert overlap(segment(IMAGE, model), BRIGHT, 1).dice < 0.6
    assert overlap(segment(IMAGE, fitted), BRIGHT, 1).dice > 0.8


def test_a_new_class_needs_nothing_else() -> None:
    three = BRIGHT + (np.quantile(IMAGE, 0.9) < IMAGE).astype(np.uint8)
    classes = [ClassSpec(name=f"class {n}", colour=COLOURS[n]) for n in range(3)]
    model = with_level_heads(widen_head(tiny_model(tiny_spec(width=8)), classes))
    found = segment(IMAGE, fit(model, three))
    scores = [overlap(found, three, label).dice for label in (1, 2)]
    assert min(scores) > 0.6, scores


def test_no_weight_changes_but_those_of_the_heads() -> None:
    model = with_level_heads(tiny_model(tiny_spec()))
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    fitted = fit(model, BRIGHT).network.state_dict()
    changed = {name for name, value in fitted.items() if not torch.equal(value, before[name])}
    assert changed == {
        "head.weight",
        "head.bias",
        "level_heads.skip.weight",
        "level_heads.decoder.0.weight",
    }
    now = model.network.state_dict()
    assert all(torch.equal(now[name], value) for name, value in before.items())


@pytest.mark.parametrize("levels", ["last", "every"])
def test_the_same_examples_give_the_same_bits(levels: str) -> None:
    model = tiny_model(tiny_spec(head_levels=levels))
    one, other = (fit(model, BRIGHT) for _ in range(2))
    assert one.weights_sha256 == other.weights_sha256 != model.weights_sha256


def test_it_can_be_cancelled() -> None:
    model = tiny_model(tiny_spec())
    examples = examples_of(scan_of(IMAGE), BRIGHT, model.spec)
    with pytest.raises(Cancelled):
        fitted_head(model.network, examples, control=lambda: Control.CANCEL)
