"""Tiled = whole, for random shapes, tile sizes, depths, dimensions, spacings, focus points and
regions; and its twin that fails.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.laws import CLOSE, WHOLE, Case, assert_same, cases, run, spoilt
from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet.model.torch_import import torch
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics, frame_statistics
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles import lattice as lattice_module
from napari_unet.segment.tiles import tiling as tiling_module
from napari_unet.segment.tiles import window as window_module
from napari_unet.segment.tiles.normalize import Excluded, normalize
from napari_unet.segment.tiles.queue import Focus
from napari_unet.segment.tiles.tiling import Lattice, plan_tiles


@given(cases())
def test_tiled_is_whole_from_any_focus(case: Case) -> None:
    whole, whole_labels, _ = run(case, WHOLE)
    tiled, tiled_labels, _ = run(case, case.tile_px, case.focus)
    assert_same(tiled, whole, tiled_labels, whole_labels)


@given(cases(), st.data())
def test_a_region_is_cut_from_the_whole(case: Case, data: st.DataObject) -> None:
    shape = case.scan.frame_shape(case.spec.architecture.dimensions)
    starts = [data.draw(st.integers(0, n - 1)) for n in shape]
    region = tuple(
        slice(start, data.draw(st.integers(start + 1, n)))
        for start, n in zip(starts, shape, strict=True)
    )
    whole, whole_labels, _ = run(case, WHOLE)
    part, part_labels, _ = run(case, case.tile_px, case.focus, region)
    outside = np.ones(part_labels.shape, bool)
    outside[(slice(None), *region)] = False
    assert (part_labels[outside] == 255).all()
    inside = (slice(None), *region)
    assert_same(
        part[(slice(None), *inside)],
        whole[(slice(None), *inside)],
        part_labels[inside],
        whole_labels[inside],
    )


@given(
    st.integers(0, 1),
    st.sampled_from([None, 0.77, 1.6]),
    st.tuples(*[st.integers(130, 160)] * 2),
    st.tuples(*[st.floats(0, 130)] * 2),
)
def test_the_small_first_tile_says_what_the_larger_one_says(
    depth: int, ratio: float | None, shape: tuple[int, int], at: tuple[float, float]
) -> None:
    spec = tiny_spec(classes=3, depth=depth, spacing=None if ratio is None else (1.0, 1.0))
    scan = scan_of(smooth_image(shape), spacing=None if ratio is None else (ratio, ratio))
    job = plan_job(spec, scan, SegmentSettings(tile_px=WHOLE, keep_probabilities=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling_module, "FIRST_TILE_PX", {2: 16})
        small, large = stream(tiny_model(spec), job, focus=Focus((), at))
    assert (small.provisional, large.provisional) == (True, False)
    assert small.labels.size < large.labels.size / 20
    assert small.probabilities is not None
    assert large.probabilities is not None
    wanted = large.probabilities[(slice(None), *small.region)]
    assert_same(small.probabilities, wanted, small.labels, large.labels[small.region])


def test_twin_a_region_cut_with_a_halo_too_small_breaks_the_law(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case(
        tiny_spec(classes=3), scan_of(smooth_image((128, 128))), WHOLE, Focus((), (0.0, 0.0))
    )
    region = (slice(40, 72), slice(35, 90))
    inside = (slice(None), *region)
    whole, labels, _ = run(case, WHOLE)
    part, part_labels, _ = run(case, WHOLE, region=region)
    assert_same(part[inside], whole[inside], part_labels[region], labels[region])
    monkeypatch.setattr(lattice_module, "exact_halo", lambda config: (0, 0))
    broken, _, _ = run(case, WHOLE, region=region)
    with pytest.raises(AssertionError):
        assert_same(broken[inside], whole[inside], part_labels[region], labels[region])
    assert np.abs(broken[inside] - whole[inside]).max() > 1000 * CLOSE


def test_twin_statistics_of_the_tile_break_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.linspace(1, 5, 128, dtype=np.float32)
    case = Case(
        tiny_spec(classes=3), scan_of(smooth_image((128, 128)) * ramp), 32, Focus((), (0.0, 0.0))
    )
    whole, labels, _ = run(case, WHOLE)
    tiled, tiled_labels, _ = run(case, 32)
    assert_same(tiled, whole, tiled_labels, labels)

    def of_the_part(
        _: str, part: np.ndarray, statistics: FrameStatistics
    ) -> tuple[torch.Tensor, Excluded]:
        low, high = np.percentile(part, [1.0, 99.8])
        return torch.from_numpy(((part - low) / (high - low)).astype(np.float32)), Excluded()

    monkeypatch.setattr(window_module, "normalize_on", of_the_part)
    assert (run(case, 32)[1] != labels).mean() > 0.01


@pytest.mark.parametrize("spacing", [None, 1.6])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_twin_a_halo_too_small_breaks_the_law(
    monkeypatch: pytest.MonkeyPatch, dimensions: int, spacing: float | None
) -> None:
    depth, side = (2, 128) if dimensions == 2 else (1, 32)
    spec = tiny_spec(
        dimensions, depth=depth, classes=3, spacing=None if spacing is None else (1.0,) * dimensions
    )
    scan = scan_of(
        smooth_image((side,) * dimensions),
        spacing=None if spacing is None else (spacing,) * dimensions,
    )
    case = Case(spec, scan, 16, Focus((), (0.0,) * dimensions))
    whole, labels, _ = run(case, WHOLE)
    assert np.bincount(labels.ravel(), minlength=3).min() >= labels.size / 5
    tiled, tiled_labels, _ = run(case, 16)
    assert_same(tiled, whole, tiled_labels, labels)
    monkeypatch.setattr(lattice_module, "exact_halo", lambda config: (0,) * dimensions)
    broken, broken_labels, _ = run(case, 16)
    assert np.abs(broken - whole).max() > 1000 * CLOSE
    assert (broken_labels != labels).any()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_whole_is_what_the_network_says_of_the_normalised_frame(dimensions: int) -> None:
    spec = tiny_spec(dimensions, classes=3, depth=1)
    case = Case(
        spec, scan_of(smooth_image((37, 41, 23)[:dimensions])), 16, Focus((), (0.0,) * dimensions)
    )
    whole, _, tiles = run(case, WHOLE)
    assert tiles == 1
    region = tuple(slice(0, n) for n in case.scan.shape)
    part, _ = normalize(
        case.scan.read((), region), frame_statistics(case.scan, dimensions, (), spec.normalization)
    )
    with torch.no_grad():
        wanted = case.model.network(torch.from_numpy(part)[None]).softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(whole, wanted, atol=CLOSE)


@given(
    st.integers(1, 400),
    st.sampled_from([1.0, 0.3, 0.8, 2.7]),
    st.sampled_from([1, 4, 16]),
    st.integers(0, 64),
    st.integers(1, 90),
)
def test_a_plan_covers_the_region_once_in_even_steps_with_windows_alike(
    length: int, factor: float, stride: int, halo: int, core: int
) -> None:
    lattice = Lattice((AxisMap(length, factor),), (stride,), (halo // stride * stride,))
    plan = plan_tiles(lattice, (slice(0, length),), (core,))
    written = np.zeros(length, int)
    for tile in plan.tiles:
        written[tile.write] += 1
        window = tile.window[0]
        core_part = tile.core[0]
        assert 0 <= window.start <= core_part.start
        assert core_part.stop <= window.stop <= lattice.padded[0]
        assert window.start % stride == 0
    assert (written == 1).all()
    assert all(tile.write[0].start % plan.steps[0] == 0 for tile in plan.tiles)
    (window_px,) = {tile.window[0].stop - tile.window[0].start for tile in plan.tiles}
    assert window_px <= max(stride, -(-core // stride) * stride) + 2 * lattice.reach[0]


def test_planning_a_long_resampled_axis_takes_little_memory() -> None:
    lattice = Lattice((AxisMap(100_000, 0.77),), (16,), (96,))
    tracemalloc.start()
    try:
        plan = plan_tiles(lattice, (slice(0, 100_000),), (512,))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(plan.tiles) > 200
    assert peak < 2**20


def test_the_first_tile_is_small_and_at_the_focus() -> None:
    lattice = Lattice((AxisMap(5000), AxisMap(5000)), (16, 16), (96, 96))
    plan = plan_tiles(
        lattice, (slice(0, 5000),) * 2, (900, 900), (2500.0, 1200.0), small_first=True
    )
    first, second = plan.tiles[:2]
    assert all(
        part.start <= at < part.stop for part, at in zip(first.write, (2500, 1200), strict=True)
    )
    assert all(
        part.start <= at < part.stop for part, at in zip(second.write, (2500, 1200), strict=True)
    )
    assert (
        first.window[0].stop - first.window[0].start
        < 400
        < second.window[0].stop - second.window[0].start
    )
    assert [tile.provisional for tile in plan.tiles] == [True] + [False] * (len(plan.tiles) - 1)
    assert all(
        large.start <= small.start and small.stop <= large.stop
        for small, large in zip(first.write, second.write, strict=True)
    )


@pytest.mark.parametrize("spoilt_by", ["empty borders", "hot pixels"])
def test_what_is_no_image_is_the_same_in_tiles_and_in_the_whole(spoilt_by: str) -> None:
    spec = tiny_spec(classes=3)
    noise = np.random.default_rng(0).normal(0, 3, (1, 150, 170))
    image = spoilt((120 + 100 * smooth_image((1, 150, 170)) + noise).astype("u2"), spoilt_by, 2)
    case = Case(spec, scan_of(image[0]), 32, Focus((), (0.0, 0.0)))
    statistics = frame_statistics(case.scan, 2, (), spec.normalization)
    assert (statistics.no_data is not None) == (spoilt_by == "empty borders")
    assert bool(statistics.specks) == (spoilt_by == "hot pixels")
    whole, labels, _ = run(case, WHOLE)
    tiled, tiled_labels, tiles = run(case, 32)
    assert tiles > 4
    assert_same(tiled, whole, tiled_labels, labels)
    np.testing.assert_array_equal(tiled_labels == 0, labels == 0)
    if spoilt_by == "empty borders":
        assert (labels[..., : 170 // 6 - 1] == 0).all()


def test_borders_of_single_channels_are_the_same_in_tiles_and_in_the_whole() -> None:
    spec = tiny_spec(classes=3, channels=2)
    noise = np.random.default_rng(0).normal(0, 3, (2, 150, 170))
    image = (120 + 100 * smooth((2, 150, 170)) + noise).astype("u2")
    image[0, :, :20] = image[1, :, :36] = 0
    case = Case(spec, scan_of(image, "cyx"), 32, Focus((), (0.0, 0.0)))
    statistics = frame_statistics(case.scan, 2, (), spec.normalization)
    assert statistics.no_data == (0.0, 0.0)
    assert [each.channel for each in statistics.empty_channels] == [1]
    whole, labels, _ = run(case, WHOLE)
    tiled, tiled_labels, tiles = run(case, 32)
    assert tiles > 4
    assert_same(tiled, whole, tiled_labels, labels)
    assert (labels[..., :19] == 0).all()
    assert (labels[..., 19:36] != 0).any()
