"""A scroll area that takes no more height than its content needs."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.widgets.jobs.later import later

SPARE_PX = 4
SPACING_PX = 10


class SnugArea(QScrollArea):
    """As high as its content where there is room; scrolls where there is not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:  # noqa: N802
        """The content's size at the present width."""
        content = self.widget()
        if content is None:
            return super().sizeHint()
        width = self.contentsRect().width()
        height = (
            content.heightForWidth(width)
            if content.hasHeightForWidth()
            else content.sizeHint().height()
        )
        return QSize(
            content.sizeHint().width(),
            height + self.height() - self.contentsRect().height() + SPARE_PX,
        )

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for the content beside a scroll bar, so that nothing is cut off when one is
        needed.
        """
        least = super().minimumSizeHint()
        content = self.widget()
        bar = self.verticalScrollBar()
        if content is None or bar is None:
            return least
        return QSize(content.minimumSizeHint().width() + bar.sizeHint().width(), least.height())

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Follow the content when it grows or shrinks."""
        if a1 is not None and a1.type() == QEvent.Type.LayoutRequest:
            self._follow()
        return super().eventFilter(a0, a1)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        """Follow the width, on which the height of wrapped text depends."""
        super().resizeEvent(a0)
        self._follow()

    def _follow(self) -> None:
        """A scroll bar takes width, which makes text higher: none where the content fits without
        one.
        """
        self.updateGeometry()
        fits = self.height() >= self.sizeHint().height()
        policy = (
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        )
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)
            later(self, self._settle)

    def _settle(self) -> None:
        """Give the content the width that the scroll bar leaves; Qt has not, where both came in one
        layout.
        """
        self.setWidgetResizable(True)


def snug_area(widgets: Sequence[QWidget], parent: QWidget) -> SnugArea:
    """These widgets, one above the other, in an area that scrolls upwards and downwards only."""
    content = QWidget()
    inner = QVBoxLayout(content)
    inner.setContentsMargins(0, 0, 4, 0)
    inner.setSpacing(SPACING_PX)
    for widget in widgets:
        inner.addWidget(widget)
    area = SnugArea(parent)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
