"""A scan reads any array, in any order of axes, and only the part that is asked for."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import ScanError
from napari_unet.scans.scan import LUMINANCE, Scan, default_axes, scan_of
from napari_unet.scans.views import ChannelStack

LENGTHS = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
DTYPES = ("u1", "i2", ">u2", "<u4", "i8", ">f4", "f8", "?")


@st.composite
def axis_orders(draw: st.DrawFn) -> str:
    letters = ["y", "x", *draw(st.sets(st.sampled_from("tcz")))]
    return "".join(draw(st.permutations(letters)))


def numbered(axes: str) -> np.ndarray:
    """An array whose value tells where it is, whatever the order of the axes."""
    canonical = [a for a in "tczyx" if a in axes]
    values = np.arange(np.prod([LENGTHS[a] for a in canonical])).reshape(
        [LENGTHS[a] for a in canonical]
    )
    return values.transpose([canonical.index(a) for a in axes])


def scan(data: Any, axes: str, **more: Any) -> Scan:
    return Scan(data, axes, (1.0,) * sum(a in "zyx" for a in axes), **more)


class Spy:
    """An array that remembers how much of it was read."""

    def __init__(self, data: np.ndarray) -> None:
        self._data = data
        self.shape = data.shape
        self.dtype = data.dtype
        self.most = 0

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self._data[index]
        self.most = max(self.most, part.size)
        return part


@given(axes=axis_orders(), data=st.data())
def test_read_gives_the_same_region_in_any_order_of_axes(axes: str, data: st.DataObject) -> None:
    dimensions = data.draw(st.sampled_from([2, 3] if "z" in axes else [2]))
    one = scan(numbered(axes), axes)
    letters = "zyx"[-dimensions:]
    frame = data.draw(st.sampled_from(list(one.frames(dimensions))))
    starts = [data.draw(st.integers(0, LENGTHS[a] - 1)) for a in letters]
    region = tuple(
        slice(s, data.draw(st.integers(s + 1, LENGTHS[a])))
        for s, a in zip(starts, letters, strict=True)
    )
    index: dict[str, Any] = dict(zip(letters, region, strict=True)) | dict(
        zip(one.grid_axes(dimensions), frame, strict=True)
    )
    canonical = "".join(a for a in "tczyx" if a in axes)
    whole = numbered(canonical)[tuple(index.get(a, slice(None)) for a in canonical)]
    expected = whole if "c" in axes else whole[None]
    assert np.array_equal(one.read(frame, region), expected)


@given(axes=axis_orders(), data=st.data())
def test_what_is_read_can_be_put_back_where_it_was(axes: str, data: st.DataObject) -> None:
    axes = axes.replace("c", "")
    dimensions = data.draw(st.sampled_from([2, 3] if "z" in axes else [2]))
    one = scan(numbered(axes), axes)
    whole = tuple(slice(0, n) for n in one.frame_shape(dimensions))
    result = np.full(one.result_shape, -1)
    for frame in one.frames(dimensions):
        result[one.result_index(frame, whole)] = one.to_result_axes(one.read(frame, whole)[0])
    assert np.array_equal(result, one.data)


@pytest.mark.parametrize("dtype", DTYPES)
def test_read_gives_native_whole_arrays_of_any_dtype(dtype: str) -> None:
    data = numbered("zyx").astype(dtype)[::-1, ::-2, ::-1]
    data.setflags(write=False)
    part = scan(data, "zyx").read((1,), (slice(0, 2), slice(1, 5)))
    assert part.dtype.isnative
    assert part.flags.c_contiguous
    assert part.flags.writeable
    assert part.dtype.kind == ("u" if dtype == "?" else np.dtype(dtype).kind)
    assert np.array_equal(part[0], data[1, 0:2, 1:5])


def _zarr(data: np.ndarray) -> Any:
    return zarr.array(data, chunks=(2, 3, 3))


@pytest.mark.parametrize(
    "wrap",
    [da.from_array, _zarr, lambda data: [data, data[:, ::2, ::2]], Spy],
    ids=["dask", "zarr", "levels", "own"],
)
def test_any_array_that_slices_is_a_scan(wrap: Callable[[np.ndarray], Any]) -> None:
    data = numbered("zyx")
    one = scan_of(wrap(data))
    assert (one.axes, one.shape) == ("zyx", (4, 5, 6))
    assert np.array_equal(one.read((3,), (slice(1, 3), slice(2, 6)))[0], data[3, 1:3, 2:6])
    assert np.array_equal(
        one.read((), (slice(1, 3), slice(1, 3), slice(2, 6)))[0], data[1:3, 1:3, 2:6]
    )


def test_read_touches_only_the_region() -> None:
    spy = Spy(numbered("tzyx"))
    scan(spy, "tzyx").read((1, 2), (slice(0, 2), slice(0, 3)))
    assert spy.most == 2 * 3


def test_only_sliced_dask_chunks_are_computed() -> None:
    control = []

    def block(block_info: Any = None) -> np.ndarray:
        control.append(block_info[None]["chunk-location"])
        return np.zeros((1, 5, 5))

    lazy = da.map_blocks(block, chunks=((1,) * 3, (5,) * 2, (5,) * 2), dtype=float)
    scan(lazy, "zyx").read((1,), (slice(0, 4), slice(6, 9)))
    assert control == [(1, 0, 1)]


def test_colours_become_their_luminance() -> None:
    colours = np.random.default_rng(0).integers(0, 255, (5, 6, 4), dtype=np.uint8)
    one = scan_of(colours, rgb=True)
    assert (one.axes, one.channels, one.result_shape) == ("yxc", 1, (5, 6))
    expected = colours[1:4, :, :3].astype(np.float32) @ LUMINANCE
    assert np.allclose(one.read((), (slice(1, 4), slice(0, 6)))[0], expected)


def test_several_arrays_are_the_channels_of_one() -> None:
    first = numbered("zyx")
    second = numbered("zyx") + 1000
    one = scan(ChannelStack([first, second]), "czyx")
    assert one.channels == 2
    assert np.array_equal(
        one.read((2,), (slice(0, 2), slice(0, 3))), np.stack([first, second])[:, 2, :2, :3]
    )


def test_a_result_has_the_axes_without_the_channels() -> None:
    one = scan(numbered("tzcyx"), "tzcyx")
    assert (one.result_axes, one.result_shape) == ("tzyx", (2, 4, 5, 6))
    assert (one.grid_axes(2), one.grid_shape(2), one.grid_axes(3)) == ("tz", (2, 4), "t")
    assert len(list(one.frames(2))) == 8


def test_frame_spacing_follows_the_frames_axes() -> None:
    one = scan_of(np.zeros((5, 6, 4)), "yxz", (0.2, 0.3, 2.0))
    assert one.frame_spacing(3) == (2.0, 0.2, 0.3)
    assert one.frame_spacing(2) == (0.2, 0.3)
    assert one.unit == "um"
    assert not scan_of(np.zeros((5, 6))).spacing_known


@pytest.mark.parametrize(
    ("shape", "axes", "spacing", "words"),
    [
        ((4, 5), "zyx", (1, 1, 1), "2 axes"),
        ((4, 5, 6), "yyx", (1, 1, 1), "one letter for each"),
        ((4, 5), "tx", (1,), "no 'y' and 'x'"),
        ((4, 0), "yx", (1, 1), "empty"),
        ((4, 5), "yx", (1,), "1 spacings"),
        ((4, 5), "yx", (1, 0), "positive"),
        ((4, 5), "yx", (1, float("nan")), "positive"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    shape: tuple[int, ...], axes: str, spacing: tuple[float, ...], words: str
) -> None:
    with pytest.raises(ScanError, match=words):
        Scan(np.zeros(shape), axes, spacing)


def test_other_values_than_numbers_are_refused() -> None:
    with pytest.raises(ScanError, match="complex"):
        scan(np.zeros((4, 5), complex), "yx")


def test_a_volume_model_needs_a_z_axis() -> None:
    with pytest.raises(ScanError, match="which axis is z"):
        scan(np.zeros((4, 5, 6)), "tyx").frame_shape(3)


def test_default_axes_count_from_the_inside() -> None:
    assert [default_axes(n) for n in (2, 3, 4)] == ["yx", "zyx", "tzyx"]
    assert default_axes(3, rgb=True) == "yxc"
    for ndim in (1, 7):
        with pytest.raises(ScanError, match="not an image"):
            default_axes(ndim)


def test_every_order_of_three_axes_is_distinct() -> None:
    parts = {
        "".join(order): scan(numbered("".join(order)), "".join(order))
        for order in permutations("zyx")
    }
    reads = [one.read((2,), (slice(0, 5), slice(0, 6))) for one in parts.values()]
    assert all(np.array_equal(reads[0], other) for other in reads[1:])


def test_colours_too_large_for_float32_become_infinite() -> None:
    colours = np.ones((40, 50, 3))
    colours[3, 4] = 1.7e308
    colours[5, 6] = [1.7e308, -1.7e308, 0.0]
    part = scan_of(colours, axes="yxc", rgb=True).read((), (slice(0, 9), slice(0, 9)))
    assert np.argwhere(~np.isfinite(part[0])).tolist() == [[3, 4], [5, 6]]
