import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.scans.resample import AxisMap, axis_maps, convert, differs

FACTORS = st.sampled_from([1.0, 0.31, 0.5, 0.9, 1.3, 2.0, 4.7])


@given(st.integers(1, 80), FACTORS, st.data())
def test_a_part_has_the_weights_of_the_whole(
    length: int, factor: float, data: st.DataObject
) -> None:
    axis_map = AxisMap(length, factor)
    values = np.random.default_rng(length).random((1, length)).astype(np.float32)
    whole = axis_map.to_model(0, axis_map.model_length).apply(values, 1)
    first = data.draw(st.integers(0, axis_map.model_length - 1))
    last = data.draw(st.integers(first + 1, axis_map.model_length))
    weights = axis_map.to_model(first, last)
    np.testing.assert_allclose(
        weights.apply(values[:, weights.first : weights.last], 1), whole[:, first:last], atol=1e-6
    )


@given(st.integers(1, 80), FACTORS, st.data())
def test_a_range_is_that_of_the_weights(length: int, factor: float, data: st.DataObject) -> None:
    axis_map = AxisMap(length, factor)
    first = data.draw(st.integers(0, axis_map.model_length - 1))
    last = data.draw(st.integers(first + 1, axis_map.model_length))
    weights = axis_map.to_model(first, last)
    assert axis_map.scan_range(first, last) == (weights.first, weights.last)
    begin = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(begin + 1, length))
    weights = axis_map.to_scan(begin, end)
    assert axis_map.model_range(begin, end) == (weights.first, weights.last)


@given(st.integers(1, 80), FACTORS)
def test_constants_stay_constant_there_and_back(length: int, factor: float) -> None:
    axis_map = AxisMap(length, factor)
    there = axis_map.to_model(0, axis_map.model_length).apply(np.ones((1, length), np.float32), 1)
    back = axis_map.to_scan(0, length).apply(there, 1)
    assert back.shape == (1, length)
    np.testing.assert_allclose(there, 1, atol=1e-6)
    np.testing.assert_allclose(back, 1, atol=1e-6)


@pytest.mark.parametrize("factor", [0.37, 0.8, 1.7, 3.2])
def test_a_ramp_keeps_its_place(factor: float) -> None:
    """No shift: a value at a place of the scan is found at that place of the model's grid, and
    back.
    """
    axis_map = AxisMap(200, factor)
    ramp = np.arange(200, dtype=np.float32)[None]
    there = axis_map.to_model(0, axis_map.model_length).apply(ramp, 1)
    centres = (np.arange(axis_map.model_length) + 0.5) * factor - 0.5
    inner = slice(10, -10)
    np.testing.assert_allclose(there[0, inner], centres[inner], atol=0.1)
    back = axis_map.to_scan(0, 200).apply(there, 1)
    np.testing.assert_allclose(back[0, 20:-20], ramp[0, 20:-20], atol=0.1)


def test_coarser_grids_average_instead_of_picking() -> None:
    stripes = np.tile([0.0, 1.0], 100).astype(np.float32)[None]
    out = AxisMap(200, 4.0).to_model(0, 50).apply(stripes, 1)
    np.testing.assert_allclose(out[0, 2:-2], 0.5, atol=0.02)


def test_spacings_within_a_tenth_are_one() -> None:
    assert not differs((0.5, 0.5), (0.54, 0.5))
    assert differs((0.5, 0.5), (0.57, 0.5))
    assert all(m.same for m in axis_maps((10, 10), (0.5, 0.5), (0.54, 0.5)))
    assert [m.factor for m in axis_maps((10, 10), (0.5, 1.0), (1.0, 1.0))] == [2.0, 1.0]
    assert all(m.same for m in axis_maps((10, 10), (0.5, 0.5), None))


def test_units() -> None:
    assert convert((100.0,), "nm", "um") == pytest.approx((0.1,))
    assert convert((1.0,), "micrometer", "nm") == pytest.approx((1000.0,))
    assert convert((2.0,), "µm", "um") == (2.0,)
    assert convert((1.0,), "pixel", "um") is None
