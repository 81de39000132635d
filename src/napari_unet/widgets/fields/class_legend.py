"""The classes of a model, each beside a square of its colour."""

from collections.abc import Sequence

from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget
from superqt import QFlowLayout

from napari_unet.model.spec import ClassSpec
from napari_unet.widgets.fields.rows import make_label, plain_tip

SQUARE_PX = 10
MOST_CLASSES = 12


class ClassLegend(QWidget):
    """Shows the first few classes that a model finds; the background is left out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QFlowLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._chips: list[QWidget] = []

    def set_classes(self, classes: Sequence[ClassSpec]) -> None:
        """Show these classes, the first of which is the background."""
        for chip in self._chips:
            self._layout.removeWidget(chip)
            chip.deleteLater()
        shown = classes[1:MOST_CLASSES]
        self._chips = [
            make_chip(item, f"Label {number}: {item.name}", self)
            for number, item in enumerate(shown, 1)
        ]
        for chip in self._chips:
            self._layout.addWidget(chip)
        self.setVisible(bool(self._chips))


def make_chip(item: ClassSpec, tip: str, parent: QWidget) -> QWidget:
    """A coloured square and a name."""
    chip = QWidget(parent)
    layout = QHBoxLayout(chip)
    layout.setContentsMargins(3, 0, 4, 0)
    layout.setSpacing(4)
    layout.addWidget(make_square(item.colour, chip))
    layout.addWidget(make_label(item.name, chip))
    chip.setToolTip(plain_tip(tip))
    return chip


def make_square(colour: str, parent: QWidget) -> QLabel:
    """A small square of a colour."""
    square = QLabel(parent)
    pixmap = QPixmap(SQUARE_PX, SQUARE_PX)
    pixmap.fill(QColor(colour))
    square.setPixmap(pixmap)
    return square
