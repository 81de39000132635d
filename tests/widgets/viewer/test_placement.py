import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.widgets.viewer.placement import coarser, placement

PLACES = {
    "plain": {},
    "scaled": {
        "scale": (2, 0.5, 0.25),
        "translate": (1, 2, 3),
        "units": ("um", "um", "um"),
        "axis_labels": ("z", "y", "x"),
    },
    "rotated": {"rotate": 30, "scale": (2, 0.5, 0.25), "translate": (1, 2, 3)},
    "sheared": {"shear": (0.1, 0.2, 0.3), "scale": (2, 0.5, 0.25)},
    "affine": {
        "affine": np.array([[1, 0, 0, 5], [0, 0, 2, 6], [0, 2, 0, 7], [0, 0, 0, 1.0]]),
        "scale": (2, 0.5, 0.25),
    },
}


@pytest.mark.parametrize("words", PLACES.values(), ids=PLACES)
def test_a_result_lies_exactly_on_its_image(words):
    image = Image(np.zeros((3, 8, 9)), **words)
    labels = Labels(np.zeros((3, 8, 9), np.uint8), **placement(image, "zyx"))
    for point in ([0, 0, 0], [2, 7, 8], [1, 3.5, 4]):
        np.testing.assert_allclose(
            labels.data_to_world(point), image.data_to_world(point), atol=1e-9
        )
    assert labels.units == image.units
    assert labels.axis_labels == image.axis_labels


@pytest.mark.parametrize("words", [PLACES["plain"], PLACES["scaled"], PLACES["rotated"]])
def test_the_channel_axis_is_dropped(words):
    image = Image(np.zeros((2, 8, 9)), **words)
    labels = Labels(np.zeros((8, 9), np.uint8), **placement(image, "cyx"))
    np.testing.assert_allclose(labels.scale, image.scale[1:])
    np.testing.assert_allclose(labels.translate, image.translate[1:])
    assert labels.units == image.units[1:]


def test_colours_are_no_axis_to_drop():
    image = Image(np.zeros((8, 9, 3), np.uint8), rgb=True, scale=(2, 3))
    np.testing.assert_allclose(
        Labels(np.zeros((8, 9), np.uint8), **placement(image, "yxc")).scale, (2, 3)
    )


@pytest.mark.parametrize("words", PLACES.values(), ids=PLACES)
def test_a_coarser_layer_covers_the_same_ground(words):
    image = Image(np.zeros((3, 8, 9)), **words)
    coarse = Image(
        np.zeros((3, 4, 3)), **coarser(placement(image, "zyx"), np.array([1.0, 2.0, 3.0]))
    )
    for corner, own in (([-0.5] * 3, [-0.5] * 3), ([2.5, 7.5, 8.5], [2.5, 3.5, 2.5])):
        np.testing.assert_allclose(
            coarse.data_to_world(own), image.data_to_world(corner), atol=1e-9
        )
