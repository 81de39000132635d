import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.widgets.arrays.block_grid import BlockGrid, boxes, inside, is_empty, whole

shapes = st.lists(st.integers(1, 300), min_size=2, max_size=2).flatmap(
    lambda flat: st.lists(st.integers(1, 4), max_size=2).map(lambda deep: (*deep, *flat))
)


@given(shapes, st.data())
def test_the_blocks_that_touch_a_box_are_those_that_share_a_voxel(shape, data):
    grid = BlockGrid(shape)
    starts = [data.draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(
        slice(start, data.draw(st.integers(start + 1, n)))
        for start, n in zip(starts, shape, strict=True)
    )
    numbers = np.full(shape, -1)
    for number in range(grid.size):
        assert (numbers[grid.box(number)] == -1).all()
        numbers[grid.box(number)] = number
    assert (numbers >= 0).all()
    assert set(grid.touching(box).tolist()) == set(np.unique(numbers[box]).tolist())


def test_slices_are_counted():
    grid = BlockGrid((4, 300, 300))
    assert grid.slices(grid.touching((slice(1, 3), slice(0, 300), slice(0, 5)))) == 2
    assert grid.slices(np.array([], int)) == 0


@pytest.mark.parametrize("shape", [(5, 7), (3, 1000, 1000), (2, 3, 10, 10), (70_000, 20)])
def test_pieces_make_up_an_array_and_are_no_larger_than_asked(shape):
    seen = np.zeros(shape, np.uint8)
    for box in boxes(shape, 2**14):
        seen[box] += 1
        assert seen[box].size <= max(2**14, shape[-1])
    assert (seen == 1).all()


def test_a_box_is_cut_to_the_array():
    assert inside((slice(-3, 5), slice(None)), (4, 6)) == (slice(1, 4), slice(0, 6))
    assert is_empty(inside((slice(5, 9), slice(0, 2)), (4, 6)))
    assert not is_empty(whole((4, 6)))
