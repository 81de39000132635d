"""The dock that docs/where-to-add.md adds."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from helpers.documents import PAGE, example

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs the source tree")


def test_the_dock_of_the_page_follows_the_layers(qtbot):
    names: dict[str, Any] = {}
    exec(example("a dock"), names)
    viewer = ViewerModel()
    dock = names["CountWidget"](viewer)
    qtbot.addWidget(dock)
    assert dock.text.text() == "0 labels layers"
    viewer.add_labels(np.zeros((8, 9), np.uint8))
    qtbot.waitUntil(lambda: dock.text.text() == "1 labels layers")
