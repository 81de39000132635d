import tracemalloc

import numpy as np
import pytest

from helpers.tiny import smooth_image
from napari_unet.model.spec import Normalization
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment import statistics as module
from napari_unet.segment.statistics import frame_statistics, percentiles
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
    monkeypatch.setattr(module, "WHOLE_VOXELS", 2**14)
    read: list[tuple[slice, ...]] = []
    original = Scan.read

    def spy(self: Scan, frame: tuple[int, ...], region: tuple[slice, ...]) -> np.ndarray:
        read.append(region)
        return original(self, frame, region)

    monkeypatch.setattr(Scan, "read", spy)
    frame_statistics(scan_of(dask.zeros((1000, 1000), chunks=(100, 80))), 2, (), HOW)
    assert len(read) == module.FEWEST_CHUNKS
    assert all(
        y.start % 100 == 0 and x.start % 80 == 0 and y.stop - y.start == 100 for y, x in read
    )


def test_large_chunks_are_thinned_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE_VOXELS", 2**12)
    image = np.random.default_rng(0).random((700, 513))
    regions = list(module._sample(scan_of(image), 2))
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


@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", "<u2", ">i2", "<i2", "<f4"])
@pytest.mark.parametrize("count", [1, 2, 7, 1000, 4097])
def test_percentiles_are_those_of_numpy(dtype: str, count: int) -> None:
    random = np.random.default_rng(count)
    whole = np.iinfo(dtype.replace("f4", "i2"))
    values = random.integers(whole.min, whole.max, count, endpoint=True).astype(dtype)
    for wanted in ([0.0, 100.0], [1.0, 99.8], [12.3, 50.0]):
        np.testing.assert_allclose(
            percentiles(values, wanted),
            np.percentile(values.astype(np.float64), wanted),
            rtol=1e-12,
        )
    few = np.array([3] * count + [5], dtype)
    assert percentiles(few, [0.0, 100.0]) == [3.0, 5.0]
