from collections.abc import Callable

import numpy as np
import pytest

from helpers.engines import on
from helpers.failing import MEMORY_ERRORS
from helpers.tiny import smooth, tiny_model, tiny_spec
from napari_unet.errors import Cancelled, NotEnoughMemoryError
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import Control, Stopped
from napari_unet.segment.engine import torch_engine
from napari_unet.segment.engine.fusion import FusedUNet, MkldnnConv, can_fuse, folded, works
from napari_unet.segment.engine.torch_engine import TorchEngine, _convolution

ANISOTROPIC = {"strides": ((1, 2, 2), (2, 2, 2))}


def network_of(dimensions: int, **net: object) -> UNet:
    return tiny_model(tiny_spec(dimensions, channels=2, classes=3, **net)).network


@pytest.mark.parametrize(
    ("dimensions", "net"),
    [
        (2, {}),
        (2, {"depth": 0}),
        (2, {"depth": 3}),
        (3, {}),
        (3, ANISOTROPIC),
        (2, {"depth": 3, "head_levels": "every"}),
        (2, {"depth": 0, "head_levels": "every"}),
        (3, {"head_levels": "every", **ANISOTROPIC}),
    ],
)
def test_the_fused_form_gives_the_scores_of_the_network(
    dimensions: int, net: dict[str, object]
) -> None:
    network = network_of(dimensions, **net)
    flat = folded(network)
    assert can_fuse(flat)
    image = torch.from_numpy(smooth((2, *(13, 18, 21)[:dimensions]), 3))[None]
    with torch.inference_mode():
        torch.testing.assert_close(
            FusedUNet(flat, MkldnnConv, lambda: None)(image), network(image), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("net", [{"residual": True}, {"norm": "instance"}])
def test_what_can_not_be_fused_runs_as_it_is(net: dict[str, object]) -> None:
    network = network_of(2, **net)
    assert not can_fuse(folded(network))
    window = smooth((2, 32, 32), 1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(window)[None]).softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(on(TorchEngine(network), window), expected, atol=1e-5)


def raises(*_: object) -> None:
    raise TypeError("_convolution_pointwise() takes 9 positional arguments")


@pytest.mark.parametrize("operator", [raises, lambda x, *_: x[:, :3] * 0])
def test_an_operator_that_torch_changed_is_not_used(
    monkeypatch: pytest.MonkeyPatch, operator: Callable[..., object]
) -> None:
    network = network_of(2)
    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", operator)
    _convolution.cache_clear()
    try:
        assert not works(MkldnnConv, 2, torch.empty(0))
        window = smooth((2, 32, 32), 1)
        with torch.inference_mode():
            expected = network(torch.from_numpy(window)[None]).softmax(dim=1)[0].numpy()
        np.testing.assert_allclose(on(TorchEngine(network), window), expected, atol=1e-5)
    finally:
        _convolution.cache_clear()


@pytest.mark.parametrize("net", [{}, {"residual": True}])
@pytest.mark.parametrize(
    ("answer", "error"), [(Control.STOP, Stopped), (Control.CANCEL, Cancelled)]
)
def test_control_is_read_within_a_window(
    net: dict[str, object], answer: Control, error: type[Exception]
) -> None:
    answers = iter([Control.CONTINUE] * 4 + [answer] * 20)
    with pytest.raises(error):
        on(TorchEngine(network_of(2, **net)), smooth((2, 32, 32), 1), lambda: next(answers))
    assert len(list(answers)) == 19


@pytest.mark.parametrize("library", ["torch, CUDA", "cuDNN 9", "torch, Apple"])
def test_memory_that_is_not_enough_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    def run_out(*_: object) -> None:
        raise MEMORY_ERRORS[library]()

    network = network_of(2)
    engine = TorchEngine(network)
    engine._forward = run_out  # type: ignore[assignment]
    with pytest.raises(NotEnoughMemoryError):
        on(engine, smooth((2, 32, 32), 1))
    monkeypatch.setattr(torch_engine, "folded", run_out)
    with pytest.raises(NotEnoughMemoryError):
        TorchEngine(network)
    with pytest.raises(NotEnoughMemoryError):
        engine.fix_statistics(torch.zeros(1, 2, 32, 32))


def test_cudnn_stays_on_with_float32_as_it_is() -> None:
    engine = TorchEngine(network_of(2, residual=True))
    cudnn = torch.backends.cudnn
    wanted = (True, cudnn.benchmark, cudnn.deterministic)
    seen: list[tuple[bool, bool, bool]] = []
    tf32: list[bool] = []

    def control() -> Control:
        seen.append((cudnn.enabled, cudnn.benchmark, cudnn.deterministic))
        tf32.append(cudnn.allow_tf32)
        return Control.CONTINUE

    on(engine, smooth((2, 32, 32), 1), control)
    assert set(seen) == {wanted}
    assert set(tf32) == {False}
