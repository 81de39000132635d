import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils._proxies import PublicOnlyProxy

from napari_unet.widgets.viewer.layer_facts import MARK, image_layers, layer_facts_of, real_viewer


@pytest.mark.parametrize(
    ("words", "spacing", "unit"),
    [
        ({}, (1.0, 1.0, 1.0), "pixel"),
        ({"scale": (3, 0.5, 0.5)}, (3.0, 0.5, 0.5), "pixel"),
        ({"scale": (3, 500, 500), "units": ("um", "nm", "nm")}, (3.0, 0.5, 0.5), "um"),
        ({"scale": (2, 0.5, 0.5), "units": ("s", "mm", "mm")}, (0.0, 500.0, 500.0), "um"),
    ],
)
def test_lengths_come_in_micrometres(words, spacing, unit):
    facts = layer_facts_of(Image(np.zeros((3, 8, 9)), **words))
    assert (facts.spacing, facts.unit) == (pytest.approx(spacing), unit)


def test_of_several_resolutions_the_finest_counts():
    facts = layer_facts_of(Image([np.zeros((16, 18)), np.zeros((8, 9))]))
    assert facts.shape == (16, 18)


def test_colours_are_not_an_axis():
    facts = layer_facts_of(
        Image(np.zeros((5, 8, 9, 3), np.uint8), rgb=True, axis_labels=("t", "y", "x"))
    )
    assert (facts.shape, facts.ndim, facts.axis_labels) == ((5, 8, 9, 3), 3, ("t", "y", "x", "c"))


def test_napari_numbers_are_no_axis_labels():
    assert layer_facts_of(Image(np.zeros((5, 8)))).axis_labels == ()


def test_no_pixel_is_read():
    def read(block):
        raise AssertionError("a pixel was read")

    data = da.zeros((8, 9), chunks=4).map_blocks(read, dtype=float, meta=np.zeros(()))
    image = Image(np.zeros((8, 9)))
    image._data = data
    assert layer_facts_of(image).shape == (8, 9)


def test_results_are_not_offered_as_images():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((8, 9)))
    viewer.add_image(np.zeros((8, 9)), metadata={MARK: {}})
    viewer.add_labels(np.zeros((8, 9), np.uint8))
    assert image_layers(viewer) == [image]


def test_the_proxy_is_seen_through():
    viewer = ViewerModel()
    assert real_viewer(PublicOnlyProxy(viewer)) is viewer
    assert real_viewer(viewer) is viewer
