import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image

from napari_unet.errors import ScanError
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.viewer.scan_from_layers import are_aligned, scan_from_layers


def test_one_layer():
    image = Image(np.zeros((3, 8, 9)))
    scan = scan_from_layers([image], InputChoice((1,), "zyx", (2.0, 0.5, 0.5), "um"))
    assert scan.data is image.data
    assert (scan.axes, scan.spacing, scan.unit) == ("zyx", (2.0, 0.5, 0.5), "um")


def test_unknown_spacing_is_one_pixel():
    scan = scan_from_layers([Image(np.zeros((8, 9)))], InputChoice((1,), "yx"))
    assert (scan.spacing, scan.spacing_known) == ((1.0, 1.0), False)


def test_lazy_arrays_stay_lazy():
    data = da.zeros((8, 9), chunks=4)
    assert scan_from_layers([Image(data)], InputChoice((1,), "yx")).data is data


def test_of_several_resolutions_the_finest_is_taken():
    levels = [np.zeros((16, 18)), np.zeros((8, 9))]
    assert scan_from_layers([Image(levels)], InputChoice((1,), "yx")).data is levels[0]


def test_several_layers_are_channels():
    layers = [Image(np.full((8, 9), value)) for value in (1, 2)]
    scan = scan_from_layers(layers, InputChoice((1, 2), "yx", (0.5, 0.5), "um"))
    assert (scan.axes, scan.channels) == ("cyx", 2)
    assert scan.read((), (slice(0, 1), slice(0, 1))).ravel().tolist() == [1, 2]


def test_layers_of_different_shapes_are_refused():
    with pytest.raises(ScanError, match="different shapes"):
        scan_from_layers(
            [Image(np.zeros((8, 9))), Image(np.zeros((9, 8)))], InputChoice((1, 2), "yx")
        )


def test_colours():
    scan = scan_from_layers(
        [Image(np.zeros((8, 9, 3), np.uint8), rgb=True)], InputChoice((1,), "yxc", rgb=True)
    )
    assert (scan.rgb, scan.channels, scan.result_shape) == (True, 1, (8, 9))


@pytest.mark.parametrize(
    "make", [np.asarray, lambda data: da.from_array(data, chunks=(4, 4, 4)), zarr.array]
)
def test_colours_are_channels_and_alpha_is_left_out(make):
    data = np.random.default_rng(0).integers(0, 255, (8, 9, 4), np.uint8)
    scan = scan_from_layers([Image(make(data), rgb=True)], InputChoice((1,), "yxc", colours=3))
    assert (scan.rgb, scan.channels, scan.result_shape) == (False, 3, (8, 9))
    part = scan.read((), (slice(1, 5), slice(2, 8)))
    np.testing.assert_array_equal(part, data[1:5, 2:8, :3].transpose(2, 0, 1))
    np.testing.assert_array_equal(scan.data[0, 0:2, 1], data[0, 0:2, 1])


def test_where_all_colours_are_channels_the_array_is_left_as_it_is():
    image = Image(np.zeros((8, 9, 4), np.uint8), rgb=True)
    assert scan_from_layers([image], InputChoice((1,), "yxc", colours=4)).data is image.data


def test_colours_are_no_channel():
    layers = [Image(np.zeros((8, 9, 3), np.uint8), rgb=True)] * 2
    with pytest.raises(ScanError, match="Split RGB"):
        scan_from_layers(layers, InputChoice((1, 1), "yxc", rgb=True))


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ({}, True),
        ({"scale": (2, 2)}, False),
        ({"translate": (0, 5)}, False),
        ({"rotate": 9}, False),
    ],
)
def test_layers_that_lie_elsewhere_are_noticed(words, same):
    assert are_aligned([Image(np.zeros((8, 9))), Image(np.zeros((8, 9)), **words)]) is same
