import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from helpers.tiny import smooth_image
from napari_unet.errors import ScanError
from napari_unet.model.spec import Normalization
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.statistics import frame_sample
from napari_unet.segment.statistics.frame import FrameStatistics, frame_statistics
from napari_unet.segment.statistics.frame_sample import (
    FEWEST_CHUNKS,
    sample_regions,
    without_specks,
)
from napari_unet.segment.tiles.normalize import normalize

HOW = Normalization()


def test_percentiles_of_a_small_frame_are_those_of_all_of_it() -> None:
    image = smooth_image((60, 50))
    found = frame_statistics(scan_of(image), 2, (), HOW)
    np.testing.assert_allclose(
        (*found.low, *found.high), np.percentile(image, [1.0, 99.8]), rtol=1e-6
    )


def test_large_frames_are_sampled_by_whole_chunks_and_always_the_same_ones() -> None:
    image = smooth_image((3000, 2500))
    first, second = (frame_statistics(scan_of(image), 2, (), HOW) for _ in range(2))
    assert first == second
    whole = np.percentile(image, [1.0, 99.8])
    np.testing.assert_allclose((*first.low, *first.high), whole, atol=0.03)


def test_chunks_of_the_data_are_read_whole_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    dask = pytest.importorskip("dask.array")
    monkeypatch.setattr(frame_sample, "WHOLE_VOXELS", 2**14)
    read: list[tuple[slice, ...]] = []
    original = Scan.read

    def spy(self: Scan, frame: tuple[int, ...], region: tuple[slice, ...]) -> np.ndarray:
        read.append(region)
        return original(self, frame, region)

    monkeypatch.setattr(Scan, "read", spy)
    scan = scan_of(dask.zeros((1000, 1000), chunks=(100, 80)))
    frame_statistics(scan, 2, (), HOW, empty_borders=False)
    assert len(read) == FEWEST_CHUNKS
    assert all(
        y.start % 100 == 0 and x.start % 80 == 0 and y.stop - y.start == 100 for y, x in read
    )


def test_large_chunks_are_thinned_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_sample, "WHOLE_VOXELS", 2**12)
    image = np.random.default_rng(0).random((700, 513))
    regions = list(sample_regions(scan_of(image), 2))
    values = np.concatenate([image[region].ravel() for region in regions])
    tracemalloc.start()
    try:
        found = frame_statistics(scan_of(image), 2, (), HOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    step = values.size // 2**12
    np.testing.assert_array_equal(
        (*found.low, *found.high), np.percentile(values[::step], [1.0, 99.8])
    )
    assert peak < 1.5 * max(image[region].nbytes for region in regions)


def test_low_becomes_0_and_high_1_for_each_channel() -> None:
    image = np.stack([smooth_image((30, 30)) * 5 + 2, smooth_image((30, 30), 1) * 1e4]).astype(
        np.float32
    )
    found = frame_statistics(Scan(image, "cyx", (1.0, 1.0)), 2, (), HOW)
    out, bad = normalize(image, found)
    assert bad is None
    assert out.dtype == np.float32
    np.testing.assert_allclose(
        np.percentile(out, [1.0, 99.8], axis=(1, 2)), [[0, 0], [1, 1]], atol=1e-5
    )


def test_whole_numbers_of_32_bits_lose_nothing_that_matters() -> None:
    image = (np.arange(900).reshape(30, 30) + 2**31).astype(np.uint32)
    out, _ = normalize(image[None], frame_statistics(scan_of(image), 2, (), HOW))
    assert np.unique(out).size == 900


def test_without_normalisation_nothing_changes() -> None:
    image = smooth_image((10, 10))
    out, _ = normalize(
        image[None], frame_statistics(scan_of(image), 2, (), Normalization(kind="none"))
    )
    np.testing.assert_array_equal(out[0], image)


def cells(shape: tuple[int, int] = (200, 220)) -> np.ndarray:
    """Bright structures and noise, 16 bits."""
    noise = np.random.default_rng(1).normal(0, 10, shape)
    return (300 + 900 * smooth_image(shape, 2) + noise).astype(np.uint16)


@pytest.mark.parametrize(
    ("value", "share"), [(65535, 0.0005), (65535, 0.001), (65535, 0.005), (65535, 0.01), (0, 0.005)]
)
def test_hot_and_dead_pixels_do_not_rule_the_range(value: int, share: float) -> None:
    image = cells()
    plain = frame_statistics(scan_of(image), 2, (), HOW)
    positions = np.random.default_rng(3).choice(
        image.size, round(share * image.size), replace=False
    )
    image.flat[positions] = value
    found = frame_statistics(scan_of(image), 2, (), HOW)
    np.testing.assert_allclose(found.low, plain.low, rtol=0.1)
    np.testing.assert_allclose(found.high, plain.high, rtol=0.1)


def test_few_bright_objects_are_no_hot_pixels() -> None:
    image = cells((400, 420)) // 10
    image[100:112, 100:112] = 4000
    image[300:312, 200:212] = 5000  # 0.17 % of the image
    values = np.percentile(image, [1.0, 99.8])
    found = frame_statistics(scan_of(image), 2, (), HOW)
    np.testing.assert_allclose((*found.low, *found.high), values, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_clean_image_has_its_own_percentiles(kind: type) -> None:
    image = (cells() // 8).astype(kind)
    found = frame_statistics(scan_of(image), 2, (), HOW)
    wanted = np.percentile(image, [1.0, 99.8])
    np.testing.assert_allclose((*found.low, *found.high), wanted, rtol=1e-6)


def test_without_specks_only_single_voxels_change() -> None:
    image = np.zeros((9, 9), np.uint8)
    image[2, 2] = 200
    image[5:7, 5:7] = 90
    image[0, 8] = 255
    wanted = image.copy()
    wanted[2, 2] = wanted[0, 8] = 0
    np.testing.assert_array_equal(without_specks(image), wanted)


def test_normalised_values_are_clipped() -> None:
    image = cells()
    image[50:52, 50:52] = 65535
    out, bad = normalize(image[None], frame_statistics(scan_of(image), 2, (), HOW))
    assert bad is None
    assert out.max() == 4.0
    assert (out[0, 50:52, 50:52] == 4.0).all()


def test_a_hot_pixel_takes_a_value_from_beside_it() -> None:
    image = cells()
    image[50, 50] = 65535
    found = frame_statistics(scan_of(image), 2, (), HOW)
    assert found.specks
    out, _ = normalize(image[None], found)
    assert out[0, 50, 50] <= out[0, 49:52, 49:52].max() < 2
    assert FrameStatistics.from_dict(found.as_dict()) == found


@pytest.mark.parametrize(
    ("kind", "value"), [(np.float32, 3.4e38), (np.float32, -3.4e38), (np.float64, 1e308)]
)
def test_what_float32_can_not_hold_is_not_finite(kind: type, value: float) -> None:
    image = smooth_image((50, 60)).astype(kind)
    image[10, 20] = value
    out, bad = normalize(image[None], frame_statistics(scan_of(image), 2, (), HOW))
    assert np.isfinite(out).all()
    assert bad is not None
    assert bad.sum() == 1
    assert bad[10, 20]


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 3.5e38, np.inf, np.nan])
def test_what_float32_can_not_hold_has_no_part_in_the_statistics(value: float) -> None:
    image = smooth_image((50, 60)).astype(np.float64)
    plain = frame_statistics(scan_of(image), 2, (), HOW)
    spoilt = np.concatenate([image, np.full((40, 60), value)])  # 44 % of it
    found = frame_statistics(scan_of(spoilt), 2, (), HOW)
    assert (found.low, found.high, found.specks) == (plain.low, plain.high, ())
    assert found.nonfinite_share == pytest.approx(40 / 90)
    out, bad = normalize(spoilt[None], found)
    np.testing.assert_array_equal(bad, np.arange(90)[:, None] * np.ones(60) >= 50)
    assert (out[0, 50:] == 0).all()


def test_more_than_half_beyond_float32_is_refused() -> None:
    image = smooth_image((50, 60)).astype(np.float64)
    image[:26] = -1.7e308
    with pytest.raises(ScanError, match="52% of the image is NaN or infinite, or too large"):
        frame_statistics(scan_of(image), 2, (), HOW)


def test_the_ends_of_a_number_format_raise_no_warnings() -> None:
    for kind in (np.float16, np.float32):
        image = smooth_image((50, 60)).astype(kind)
        image[:20] = np.finfo(kind).max
        image[-20:] = np.finfo(kind).min
        found = frame_statistics(scan_of(image), 2, (), HOW)
        assert np.isfinite(found.low + found.high).all()
        normalize(image[None], replace(found, specks=(0,)))


def test_an_image_without_contrast_is_finite() -> None:
    image = np.full((1, 20, 20), 0.5, np.float32)
    out, bad = normalize(image, frame_statistics(scan_of(image[0]), 2, (), HOW))
    assert bad is None
    assert not out.any()


@pytest.mark.parametrize("value", [-1.7976931348623157e308, -3.4028234663852886e38])
def test_no_data_as_files_of_maps_have_it(value: float) -> None:
    image = smooth_image((50, 60))
    image[:20] = -3.4028234663852886e38
    scan = replace(scan_of(image), no_data=value)
    found = frame_statistics(scan, 2, (), HOW)
    assert (found.no_data is None) == (value < -1e300)
    normalize(image[None], found)


@pytest.mark.parametrize(
    "odd",
    [
        {"specks": [1]},
        {"specks": [-1]},
        {"no_data": [0.0, 0.0]},
        {"empty_channels": [{"channel": 1, "value": 0.0, "share": 0.1}]},
    ],
)
def test_statistics_that_name_channels_they_have_not_are_refused(odd: dict[str, object]) -> None:
    plain = FrameStatistics((0.0,), (1.0,)).as_dict()
    assert FrameStatistics.from_dict(plain) == FrameStatistics((0.0,), (1.0,))
    with pytest.raises(ValueError, match="1 channels and name others"):
        FrameStatistics.from_dict(plain | odd)
