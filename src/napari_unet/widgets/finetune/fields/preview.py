"""Before and after at a slider: a part of the image under the old model's labels and under the new
one's.
"""

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from napari_unet.widgets.fields.rows import keep_from_wheel, make_label, plain_tip

OPACITY = 0.5
STEPS = 200
HEIGHTS_PX = (90, 280)  # at least, and where there is room
TIP = (
    "The part of the image that you look at: before the training at the left of the line, as the "
    "model sees it now at the right."
)


@dataclass(frozen=True)
class PreviewPart:
    """A plane of an image (rows, columns) between 0 and 1, and labels of the same shape before and
    now.
    """

    image: np.ndarray
    before: np.ndarray | None
    now: np.ndarray


class PreviewCanvas(QWidget):
    """Draws a `PreviewPart` with a line between before and now, which the mouse moves."""

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before: QImage | None = None
        self._now: QImage | None = None
        self._share = 0.5
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(HEIGHTS_PX[0])
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def sizeHint(self) -> QSize:  # noqa: N802
        """The height at which details are seen."""
        return QSize(240, HEIGHTS_PX[1])

    def set_images(self, before: QImage | None, now: QImage) -> None:
        """Draw these."""
        self._before = before
        self._now = now
        self.update()

    def set_share(self, share: float) -> None:
        """Move the line: 0 is all now, 1 all before."""
        self._share = min(max(share, 0.0), 1.0)
        self.update()

    def frame(self) -> QRectF:
        """Where the images are drawn: as large as fits, in the middle."""
        if self._now is None:
            return QRectF()
        scale = min(self.width() / self._now.width(), self.height() / self._now.height())
        width = self._now.width() * scale
        height = self._now.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        """Draw now, then before over its left part, then the line."""
        if self._now is None:
            return
        frame = self.frame()
        painter = QPainter(self)
        painter.drawImage(frame, self._now)
        if self._before is not None:
            edge = frame.left() + self._share * frame.width()
            painter.setClipRect(
                QRectF(frame.left(), frame.top(), edge - frame.left(), frame.height())
            )
            painter.drawImage(frame, self._before)
            painter.setClipping(False)
            painter.setPen(QPen(QColor("#ffffff"), 2))
            painter.drawLine(QPointF(edge, frame.top()), QPointF(edge, frame.bottom()))
        painter.end()

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:  # noqa: N802
        """Move the line to the mouse."""
        self._follow(a0)

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:  # noqa: N802
        """Move the line with the mouse."""
        self._follow(a0)

    def _follow(self, event: QMouseEvent | None) -> None:
        frame = self.frame()
        if event is not None and frame.width() > 0:
            self.moved.emit(
                min(max((event.position().x() - frame.left()) / frame.width(), 0.0), 1.0)
            )


class PreviewWipe(QWidget):
    """The canvas, and the slider under it for those without a mouse."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = PreviewCanvas(self)
        self.canvas.setToolTip(plain_tip(TIP))
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, STEPS)
        self.slider.setToolTip(plain_tip(TIP))
        keep_from_wheel(self.slider)
        self._colours: np.ndarray = np.zeros((1, 3), np.float32)
        line = QHBoxLayout()
        line.addWidget(make_label("Before", self))
        line.addWidget(self.slider, 1)
        line.addWidget(make_label("Now", self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(line)
        self.slider.valueChanged.connect(lambda value: self.canvas.set_share(value / STEPS))
        self.canvas.moved.connect(lambda share: self.slider.setValue(round(share * STEPS)))
        self.slider.setValue(STEPS // 2)
        self.hide()

    def set_colours(self, colours: list[str]) -> None:
        """The colour of each label, as #rrggbb."""
        self._colours = np.array([QColor(colour).getRgb()[:3] for colour in colours], np.float32)

    def set_part(self, part: PreviewPart) -> None:
        """Show a part of the image; without `before` there is no line."""
        now = blended_image(part.image, part.now, self._colours)
        before = None
        if part.before is not None:
            before = blended_image(part.image, part.before, self._colours)
        self.canvas.set_images(before, now)
        self.slider.setEnabled(before is not None)
        self.show()

    def clear(self) -> None:
        """Show nothing."""
        self.hide()


def blended_image(image: np.ndarray, labels: np.ndarray, colours: np.ndarray) -> QImage:
    """Labels in their colours over a grey plane; both of shape (rows, columns)."""
    shades = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    pixels = _mixed(colours)[np.minimum(labels, len(colours) - 1), shades]
    height, width = labels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _mixed(colours: np.ndarray) -> np.ndarray:
    """The colour (labels, 256, 3) of each label over each shade of grey; label 0 is grey itself: a
    table, since the window waits for it.
    """
    grey = np.arange(256, dtype=np.float32)[None, :, None]
    mixed = (1 - OPACITY) * grey + OPACITY * colours[:, None]
    mixed[0] = grey[0]
    return np.asarray(mixed.astype(np.uint8))
