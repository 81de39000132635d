"""The whole form under a keyboard and a wheel."""

from collections.abc import Iterator

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollBar,
    QWidget,
)

from helpers.leaves import entry, layer
from helpers.tiny import tiny_spec
from napari_unet.widgets.docks.form import LEAST_WIDTH_PX
from napari_unet.widgets.fields.snug_area import SnugArea
from napari_unet.widgets.segment.form import SegmentForm


@pytest.fixture
def form(qtbot) -> SegmentForm:
    made = SegmentForm()
    qtbot.addWidget(made)
    made.resize(300, 900)
    made.model.set_entries([entry("a"), entry("b")])
    made.options.expand()
    made.show()
    return made


def show_all(form: SegmentForm) -> None:
    """Rebuild every row that can be rebuilt."""
    form.image.set_model(tiny_spec(channels=2, spacing=(0.5, 0.5)))
    form.image.set_layers([layer(1, shape=(5, 64, 48)), layer(2, shape=(5, 64, 48))])
    QApplication.processEvents()
    QApplication.processEvents()


def tab_stops(form: SegmentForm) -> Iterator[QWidget]:
    current = form.nextInFocusChain()
    while current is not None and current is not form:
        if (
            current.focusPolicy() & Qt.FocusPolicy.TabFocus
            and current.isVisible()
            and not isinstance(current, QScrollBar)
        ):
            yield current
        current = current.nextInFocusChain()


def test_the_tab_key_goes_down_the_form(form):
    show_all(form)
    stops = [stop for stop in tab_stops(form) if not stop.findChildren(QAbstractSlider)]
    corners = [stop.mapTo(form, QPoint(0, stop.height() // 2)) for stop in stops]
    assert len(stops) > 10
    assert [(p.y() // 8, p.x()) for p in corners] == sorted((p.y() // 8, p.x()) for p in corners)


def test_nothing_is_cut_off_where_the_dock_is_narrowest(form):
    form.resize(LEAST_WIDTH_PX, 900)
    show_all(form)
    area = form.findChild(SnugArea)
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()


@pytest.mark.parametrize("kind", [QComboBox, QAbstractSpinBox, QAbstractSlider])
def test_the_wheel_leaves_a_field_without_focus_alone(form, kind):
    show_all(form)
    fields = [
        field
        for field in form.findChildren(kind)
        if field.isVisible() and not isinstance(field, QScrollBar)
    ]
    assert fields
    for field in fields:
        assert field.focusPolicy() != Qt.FocusPolicy.WheelFocus
        assert not turn_wheel(field), field


def turn_wheel(field: QWidget) -> bool:
    """Whether a field takes the wheel."""
    at = QPointF(3, 3)
    none = QPoint()
    buttons = Qt.MouseButton.NoButton
    keys = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at,
        field.mapToGlobal(at),
        none,
        QPoint(0, -120),
        buttons,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    before = shown(field)
    QApplication.sendEvent(field, event)
    return shown(field) != before


def shown(field: QWidget) -> object:
    return field.currentIndex() if isinstance(field, QComboBox) else field.value()
