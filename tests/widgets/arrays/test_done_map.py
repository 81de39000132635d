import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.widgets.arrays import done_map
from napari_unet.widgets.arrays.done_map import DoneMap


def by_hand(shape, blocks, marked):
    """A block is done when every voxel between its edges is marked."""
    edges = [
        np.round(np.linspace(0, n, m + 1)).astype(int) for n, m in zip(shape, blocks, strict=True)
    ]
    done = np.zeros(blocks, bool)
    for index in np.ndindex(*blocks):
        done[index] = marked[
            tuple(slice(e[i], e[i + 1]) for i, e in zip(index, edges, strict=True))
        ].all()
    return done


@st.composite
def cases(draw):
    shape = draw(st.tuples(*[st.integers(1, 23)] * draw(st.integers(2, 3))))
    step = [draw(st.integers(1, 9)) for _ in shape]
    return shape, step, draw(st.integers(1, 8)), draw(st.sets(st.integers(0, 60)))


@given(cases())
def test_blocks_are_done_when_all_of_their_voxels_are(case):
    shape, step, most, chosen = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(done_map, "BLOCKS_PER_AXIS", most)
        result = DoneMap(shape, sliced=2)
    marked = np.zeros(shape, bool)
    tiles = list(np.ndindex(*(-(-n // s) for n, s in zip(shape, step, strict=True))))
    for number in sorted(chosen):
        if number < len(tiles):
            region = tuple(
                slice(i * s, min((i + 1) * s, n))
                for i, s, n in zip(tiles[number], step, shape, strict=True)
            )
            result.mark(region)
            marked[region] = True
    np.testing.assert_array_equal(result.done, by_hand(shape, result.blocks, marked))
    assert ((result.hatching == 0) == result.done).all()
    assert result.complete == marked.all()


def test_frames_are_marked_one_by_one():
    result = DoneMap((3, 8, 8), sliced=2)
    result.mark((1, slice(0, 8), slice(0, 8)))
    assert result.done[1].all()
    assert not result.done[[0, 2]].any()


def test_a_small_first_tile_counts_until_a_larger_one_covers_it():
    result = DoneMap((8, 8), sliced=2)
    result.mark((slice(2, 4), slice(2, 4)), provisional=True)
    assert result.done[2:4, 2:4].all()
    result.mark((slice(0, 4), slice(0, 8)))
    assert result.done[:4].all()
    result.mark((slice(4, 8), slice(0, 8)))
    assert result.complete


@pytest.mark.parametrize(
    "shape", [(20_000, 20_000), (1000, 2048, 2048), (10_000_000, 4, 4), (300, 300, 300)]
)
def test_the_map_stays_small(shape):
    result = DoneMap(shape, sliced=2)
    assert result.done.size <= done_map.MOST_BLOCKS
    assert all(blocks <= n for blocks, n in zip(result.blocks, shape, strict=True))


def test_the_hatching_has_two_shades_in_every_slice():
    hatching = DoneMap((2, 64, 64), sliced=2).hatching
    assert [set(np.unique(part)) for part in hatching] == [{1, 2}, {1, 2}]
