"""The laws on an NVIDIA card, where there is one: whole = tiled, and near the processor's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from helpers.engines import on
from helpers.laws import WHOLE, Case, assert_same, cases, run
from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet import segment
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.fusion import CudnnConv, works
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.normalize import normalize, normalize_on

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card")
CARD = "cuda:0"
CLOSE = {"float32": 1e-4, "half": 1e-2}


@pytest.mark.parametrize("precision", ["float32", "half"])
@given(case=cases())
def test_tiled_is_whole_and_near_the_processor(precision: str, case: Case) -> None:
    card = replace(case, device=CARD, precision=precision)
    whole, labels, _ = run(card, WHOLE)
    tiled, tiled_labels, _ = run(card, case.tile_px, case.focus)
    assert_same(
        tiled, whole, tiled_labels, labels, 1e-5 if precision == "float32" else CLOSE["half"]
    )
    expected, expected_labels, _ = run(case, WHOLE)
    assert_same(whole, expected, labels, expected_labels, CLOSE[precision])


@pytest.mark.parametrize(
    ("dimensions", "numbers"), [(2, torch.float32), (2, torch.float16), (3, torch.float16)]
)
def test_cudnn_has_the_operators(dimensions: int, numbers: torch.dtype) -> None:
    assert works(CudnnConv, dimensions, torch.empty(0, dtype=numbers, device=CARD))


@pytest.mark.parametrize("precision", ["float32", "half"])
@pytest.mark.parametrize(
    "net",
    [
        {},
        {"depth": 0},
        {"residual": True},
        {"norm": "instance"},
        {"norm": "none"},
        {"strides": ((1, 2), (3, 1))},
        {"head_levels": "every"},
    ],
)
def test_every_kind_of_network(net: dict[str, object], precision: str) -> None:
    network = tiny_model(tiny_spec(channels=2, classes=3, **net)).network
    window = smooth((2, 48, 64), 3)
    # InstanceNorm has no fixed statistics here, so half precision strays further
    near = CLOSE[precision] if net.get("norm") != "instance" or precision == "float32" else 0.1
    found = on(TorchEngine(network, CARD, precision=precision), window)
    np.testing.assert_allclose(found, on(TorchEngine(network), window), rtol=0, atol=near)


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i2", ">i4", "<u4", "f2", "<f4", ">f8", "?"])
def test_what_is_normalised_there_is_what_is_normalised_here(dtype: str) -> None:
    part = (smooth((2, 50, 60), 3) * 200).astype(dtype)
    if part.dtype.kind == "f":
        part[0, 3:7] = np.nan
    part.setflags(write=False)
    statistics = FrameStatistics((1.5, 3.0), (120.0, 3.0))
    here, bad = normalize(part, statistics)
    there, bad_too = normalize_on(CARD, part, statistics)
    assert there.device == torch.device(CARD)
    np.testing.assert_allclose(there.cpu().numpy(), here, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(bad, bad_too)


def test_a_card_that_is_nearly_full_gets_smaller_tiles() -> None:
    model = tiny_model(tiny_spec(classes=3))
    image = smooth_image((1500, 1700))
    expected = segment(image, model, settings=SegmentSettings(device=CARD))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    hog = torch.empty(free - 2**27, dtype=torch.uint8, device=CARD)
    labels = np.zeros(image.shape, np.uint8)
    shown = []
    job = plan_job(model.spec, scan_of(image), SegmentSettings(device=CARD, tile_px=2048))
    job = replace(job, core_px=(2048, 2048))  # as on another machine
    for tile in stream(
        model, job, on_progress=shown.append, engine=TorchEngine(model.network, CARD)
    ):
        labels[tile.region] = tile.labels
    del hog
    assert (labels != expected).mean() < 1e-4
    assert "smaller tiles" in shown[-1].note
