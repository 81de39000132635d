"""A layer gets classes, and keeps what its table says besides."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.viewer.class_colours import show_classes
from napari_unet.widgets.viewer.labels_facts import class_names

CLASSES = tuple(
    ClassSpec(name=name, colour=colour)
    for name, colour in (("background", "#000000"), ("axon", "#ff0000"), ("myelin", "#00ff00"))
)


def layer_with(**features: list) -> Labels:
    return Labels(np.zeros((4, 4), np.uint8), features=features)


def test_classes_come_with_names_and_colours():
    layer = Labels(np.zeros((4, 4), np.uint8))
    show_classes(layer, CLASSES, selected=2)
    assert class_names(layer) == ["background", "axon", "myelin"]
    np.testing.assert_allclose(layer.get_color(2), (0, 1, 0, 1))
    assert layer.selected_label == 2


@pytest.mark.parametrize(
    "named", [{"index": [0, 1, 7]}, {"index": [0, 1, 7], "class": ["a", "b", ""]}]
)
def test_the_users_own_columns_and_rows_stay(named):
    layer = layer_with(**named, area=[100.0, 20.0, 3.0], who=["me", "you", "him"])
    show_classes(layer, CLASSES)
    table = layer.features
    assert class_names(layer) == ["background", "axon", "myelin"]
    assert list(table["index"]) == [0, 1, 2, 7]
    assert list(table["area"].fillna(-1)) == [100, 20, -1, 3]
    assert list(table["who"])[-1] == "him"


def test_a_table_without_numbers_is_one_row_for_each_label():
    layer = layer_with(area=[100.0, 20.0])
    show_classes(layer, CLASSES)
    assert list(layer.features["area"].fillna(-1)) == [100, 20, -1]
