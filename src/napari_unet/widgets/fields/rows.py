"""Rows of a form, whose labels line up across widgets; text is shown as it is, never as HTML."""

import html
from collections.abc import Sequence
from itertools import pairwise

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)
from superqt import QElidingLabel

LONGEST_LABEL = "Second axis is"
LABEL_PADDING_PX = 8
TEXT_PADDING_PX = 2
ROW_SPACING_PX = 6


def make_grid(owner: QWidget) -> QGridLayout:
    """A two-column grid: labels at the left, fields that take the rest."""
    grid = QGridLayout(owner)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(ROW_SPACING_PX)
    grid.setVerticalSpacing(ROW_SPACING_PX)
    grid.setColumnMinimumWidth(0, label_width(owner))
    grid.setColumnStretch(1, 1)
    return grid


def label_width(widget: QWidget) -> int:
    """The width of the column of labels, the same in every widget."""
    return widget.fontMetrics().horizontalAdvance(LONGEST_LABEL) + LABEL_PADDING_PX


def add_row(grid: QGridLayout, row: int, text: str, field: QWidget, tip: str) -> QLabel:
    """Put a labelled field into a row; label and field share the tooltip."""
    label = make_label(text, grid.parentWidget())
    label.setFixedWidth(grid.columnMinimumWidth(0))
    label.setBuddy(field)
    for widget in (label, field):
        widget.setToolTip(plain_tip(tip))
    grid.addWidget(label, row, 0)
    grid.addWidget(field, row, 1)
    return label


def make_label(text: str, parent: QWidget | None = None) -> QLabel:
    """A label on one line, shortened where it has no room."""
    label = QElidingLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def make_note(parent: QWidget | None = None) -> QLabel:
    """A label for sentences: wrapped, plain text, free to be narrow."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


class ElidingCombo(QComboBox):
    """A combo box that leaves out the middle of a long text: names differ most at their ends."""

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        """Draw as Qt does, with a shorter text."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        if style is not None:
            field = style.subControlRect(
                QStyle.ComplexControl.CC_ComboBox,
                option,
                QStyle.SubControl.SC_ComboBoxEditField,
                self,
            )
            width = field.width() - TEXT_PADDING_PX
            option.currentText = self.fontMetrics().elidedText(
                option.currentText, Qt.TextElideMode.ElideMiddle, width
            )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def make_combo(parent: QWidget | None = None) -> QComboBox:
    """A combo box that can be narrower than its longest entry."""
    combo = ElidingCombo(parent)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    keep_from_wheel(combo)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


class _WheelGuard(QObject):
    """Lets the wheel scroll the form, unless the field under it has the focus."""

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Pass on a turn of the wheel that is not meant for this field."""
        if (
            a1 is None
            or a1.type() != QEvent.Type.Wheel
            or (isinstance(a0, QWidget) and a0.hasFocus())
        ):
            return super().eventFilter(a0, a1)
        a1.ignore()
        return True


def keep_from_wheel(field: QWidget) -> None:
    """Let the wheel change this field only while it has the focus, which the wheel does not give
    it.
    """
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.installEventFilter(_WheelGuard(field))


def order_tabs(fields: Sequence[QWidget]) -> None:
    """Let the tab key go through these fields in this order."""
    for before, after in pairwise(fields):
        QWidget.setTabOrder(before, after)


def plain_tip(text: str) -> str:
    """A tooltip that wraps and shows the text as it is, whatever it contains."""
    return f"<qt>{html.escape(text)}</qt>" if text else ""
