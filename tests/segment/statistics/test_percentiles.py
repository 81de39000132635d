import numpy as np
import pytest

from napari_unet.segment.statistics.percentiles import percentiles


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


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_values_whose_distance_is_too_large_for_their_format(kind: type) -> None:
    most = float(np.finfo(kind).max)
    values = np.array([-most, most], kind)
    assert percentiles(values, [25.0, 50.0]) == pytest.approx([-most / 2, 0.0])
