"""What files say never becomes HTML where napari shows it: names of classes, layers and jobs."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.viewer import activity
from napari_unet.widgets.viewer.class_colours import class_keywords, show_classes
from napari_unet.widgets.viewer.labels_facts import class_names
from napari_unet.widgets.viewer.own_layers import changes_layer, result_layer, trust_layer

ODD = ("<img src='file:///a.png'>", "<b>bold</b>", "a &lt; b", "<table>", "a < b > c & d")
LABELS = np.arange(6, dtype=np.uint8).reshape(2, 3)


def classes(*names: str) -> list[ClassSpec]:
    return [ClassSpec(name=name, colour="#ff0000") for name in ("background", *names)]


@pytest.mark.parametrize("name", ODD)
def test_the_status_bar_shows_names_of_classes_as_they_are(qapp, name):
    layer = result_layer(LABELS, "cells", {}, class_keywords(classes(name)))
    status = layer.get_status((0, 1), world=True)
    assert "class" in status["coordinates"]
    assert name in status["coordinates"].replace("\u2060", "")
    for text in (status["coordinates"], layer._get_tooltip_text((0, 1), view_direction=None)):
        assert not Qt.mightBeRichText(text)
    assert class_names(layer) == ["background", name]


@pytest.mark.parametrize("name", ODD)
def test_names_of_classes_are_read_back_as_they_were(name):
    layer = Labels(LABELS)
    for _ in range(2):
        show_classes(layer, classes(name, "other"))
    assert class_names(layer) == ["background", name, "other"]


@pytest.mark.parametrize("name", ODD)
def test_names_of_layers_are_no_html(qapp, name):
    result = result_layer(LABELS, f"{name} · model", {}, {})
    for layer in (result, trust_layer(result, LABELS), changes_layer(LABELS, name, {})):
        assert not Qt.mightBeRichText(layer.name)
        assert name in layer.name.replace("\u2060", "")


def test_a_usual_name_stays_what_it_is():
    assert result_layer(LABELS, "cells · nuclei-2d", {}, {}).name == "cells · nuclei-2d"


def test_the_title_of_a_job_is_no_html(monkeypatch, qapp):
    titles = []
    monkeypatch.setattr(activity, "progress", lambda total, desc: titles.append(desc))
    activity.Activity("Segment <img src=x>")
    assert not Qt.mightBeRichText(titles[0])
