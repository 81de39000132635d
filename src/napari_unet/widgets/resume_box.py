"""Whether an interrupted training of the chosen name is gone on with; shown only where there is one."""

from qtpy.QtWidgets import QCheckBox, QWidget

from napari_unet.widgets.rows import plain_tip

TEXT = "Go on with the interrupted training ({})"
TIP = (
    "A training of this name was interrupted, as by a crash. With the same images, labels and choices it goes on from where it was "
    "last kept; with others it begins anew, and says so."
)


class ResumeBox(QCheckBox):
    """Edits a yes or no; yes at first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(plain_tip(TIP))
        self.setChecked(True)
        self.set_interrupted("")

    def value(self) -> bool:
        """Whether to go on with it."""
        return self._there and self.isChecked()

    def set_interrupted(self, when: str) -> None:
        """There is an interrupted training from then; or none."""
        self._there = bool(when)
        self.setText(TEXT.format(when))
        self.setVisible(self._there)
