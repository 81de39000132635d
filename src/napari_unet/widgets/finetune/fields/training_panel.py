"""What is shown during a training: which model becomes which, the curves, and the part in view
before and now.
"""

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.widgets.fields.rows import make_note
from napari_unet.widgets.finetune.fields.curves import Curves
from napari_unet.widgets.finetune.fields.preview import PreviewWipe

NO_BREAK = "\N{NON-BREAKING HYPHEN}"


class TrainingPanel(QWidget):
    """Holds the curves and the preview; shown while a training runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = make_note(self)
        self._title.setStyleSheet("font-weight: bold;")
        self.curves = Curves(self)
        self.preview = PreviewWipe(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self.curves)
        layout.addWidget(self.preview, 1)
        self.hide()

    def begin(self, title: str, colours: list[str]) -> None:
        """Show an empty panel for a training; the plots follow with `curves.begin`."""
        self._title.setText(title.replace("-", NO_BREAK))
        self.preview.clear()
        self.preview.set_colours(colours)
        self.show()

    def end(self) -> None:
        """Hide the panel, and clear the preview."""
        self.hide()
        self.preview.clear()
