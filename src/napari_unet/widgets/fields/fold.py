"""A part of a form that is folded away under a title."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible

from napari_unet.widgets.fields.rows import plain_tip

FOLDED = "▸"
UNFOLDED = "▾"
MILLISECONDS = 120


class Fold(QCollapsible):
    """A title that folds and unfolds `content`; folded at first."""

    def __init__(
        self, title: str, tip: str, content: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            f"{FOLDED}  {title}", parent, expandedIcon=no_icon(), collapsedIcon=no_icon()
        )
        self.toggled.connect(
            lambda unfolded: self.setText(f"{UNFOLDED if unfolded else FOLDED}  {title}")
        )
        self.setDuration(MILLISECONDS)
        button = self.toggleButton()
        button.setStyleSheet(
            "text-align: left; border: none; background: transparent; padding: 2px 0px;"
        )
        button.setToolTip(plain_tip(tip))
        margin = self.layout()
        if margin is not None:
            margin.setContentsMargins(0, 0, 0, 0)
        self.setContent(content)
        self.collapse(animate=False)


def no_icon() -> QIcon:
    """An icon of one clear pixel: superqt fails with an empty one."""
    pixmap = QPixmap(1, 1)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)
