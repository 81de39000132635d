"""The Segment dock in both of napari's themes: every text can be read, and nothing is cut off where
it is narrowest.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from napari_unet.widgets.fields.snug_area import SnugArea
from napari_unet.widgets.segment.form import SegmentForm
from napari_unet.widgets.viewer.theme import theme_colours

pytestmark = pytest.mark.viewer
TEXTS = (QLabel, QAbstractButton, QComboBox, QDoubleSpinBox)
READABLE = 4.5  # the contrast that WCAG 2 asks of text


@pytest.fixture(params=["dark", "light"])
def form(request, viewer, dock, qtbot) -> SegmentForm:
    """The form with all that it can show, in a dock as narrow as it gets."""
    viewer.theme = request.param
    viewer.add_image(
        np.zeros((5, 64, 64)),
        name="a stack with a long name",
        scale=(1, 0.25, 0.25),
        units=("um", "um", "um"),
    )
    widget = dock("tiny-spacing")
    window = viewer.window._qt_window
    window.resize(1200, 1000)
    window.show()
    widget.form.options.expand()
    widget.form.show_cost("Needs 1.1 GB, about 40 s")
    widget.form.message.say(
        "A sentence that is long enough to need more than one line of the dock.",
        "problem",
        "details",
    )
    frame = next(dock for dock in window.findChildren(QDockWidget) if dock.isAncestorOf(widget))
    window.resizeDocks([frame], [1], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: _settled(widget.form))
    return widget.form


def _settled(form: SegmentForm) -> bool:
    return form.isVisible() and form.width() <= form.minimumSizeHint().width() + 30


def texts(form: SegmentForm) -> Iterator[QWidget]:
    for kind in TEXTS:
        for child in form.findChildren(kind):
            if child.isVisible() and child.isEnabled() and _text(child):
                yield child


def _text(child: QWidget) -> str:
    return child.currentText() if isinstance(child, QComboBox) else child.text()


def contrast(image: np.ndarray) -> float:
    """The contrast of the text, the pixel that differs most, with what most of the pixels are."""
    linear = np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    ground = np.median(luminance)
    return float(
        max((luminance.max() + 0.05) / (ground + 0.05), (ground + 0.05) / (luminance.min() + 0.05))
    )


def pixels(grabbed: QImage) -> np.ndarray:
    image = grabbed.convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    data = bits.asarray(image.sizeInBytes()) if hasattr(bits, "asarray") else bits
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3) / 255


def test_every_text_stands_out_from_its_background(form):
    image = pixels(form.grab().toImage())
    faint = {}
    for child in texts(form):
        corner = child.mapTo(form, QPoint(0, 0))
        rows = slice(corner.y(), corner.y() + child.height())
        columns = slice(corner.x(), corner.x() + child.width())
        part = image[rows, columns]
        if contrast(part) < READABLE:
            faint[_text(child)] = contrast(part)
    assert len(list(texts(form))) > 12
    assert faint == {}


def test_the_form_has_the_colours_of_the_theme(form, viewer):
    image = pixels(form.grab().toImage())
    wanted = np.array(
        [int(theme_colours(viewer).background[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    )
    assert (np.abs(image - wanted).max(axis=2) < 0.01).mean() > 0.3


def test_nothing_is_cut_off_where_the_dock_is_narrowest(form):
    area = form.findChild(SnugArea)
    assert area.widget().width() <= area.viewport().width()
    for child in form.findChildren(QWidget):
        if child.isVisible():
            assert child.width() >= (child.minimumWidth() or child.minimumSizeHint().width()), child
            assert child.mapTo(form, QPoint(child.width(), 0)).x() <= form.width(), child
    for line in (*form.findChildren(QLineEdit), *form.findChildren(QLabel)):
        if line.isVisible() and not (isinstance(line, QLabel) and line.wordWrap()):
            assert line.fontMetrics().horizontalAdvance(line.text()) <= line.width(), line.text()
