"""How long a training may take: minutes, not epochs."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid, plain_tip

BUDGETS: tuple[tuple[str, float | None], ...] = (
    ("1 minute", 1.0),
    ("3 minutes", 3.0),
    ("10 minutes", 10.0),
    ("Until it stops improving", None),
)
TIP = (
    "How long to train, from the click to the saved model. What has been learnt can be kept at "
    "any moment with Stop and keep; "
    "more time helps most where there is much to learn from."
)


class BudgetPicker(QWidget):
    """Edits the minutes of a training; None is "until it stops improving"."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo = make_combo(self)
        for text, minutes in BUDGETS:
            self._combo.addItem(text, minutes)
        add_row(make_grid(self), 0, "Train for", self._combo, TIP)
        self._combo.currentIndexChanged.connect(self.value_changed)

    def value(self) -> float | None:
        """The minutes."""
        minutes = self._combo.currentData()
        return None if minutes is None else float(minutes)

    def set_value(self, minutes: float | None) -> None:
        """Choose this budget, or the nearest that is on offer."""
        if minutes is None:
            self._combo.setCurrentIndex(len(BUDGETS) - 1)
        else:
            known = [known for _, known in BUDGETS if known is not None]
            self._combo.setCurrentIndex(
                known.index(min(known, key=lambda other: abs(other - minutes)))
            )

    def fields(self) -> list[QWidget]:
        """What can be changed."""
        return [self._combo]


RESUME_TEXT = "Go on with the interrupted training ({})"
RESUME_TIP = (
    "A training of this name was interrupted, as by a crash. With the same images, labels and "
    "choices it goes on from where it was "
    "last kept; with others it begins anew, and says so."
)


class ResumeBox(QCheckBox):
    """Edits a yes or no; yes at first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(plain_tip(RESUME_TIP))
        self.setChecked(True)
        self.set_interrupted("")

    def value(self) -> bool:
        """Whether to go on with it."""
        return self._there and self.isChecked()

    def set_interrupted(self, when: str) -> None:
        """There is an interrupted training from then; or none."""
        self._there = bool(when)
        self.setText(RESUME_TEXT.format(when))
        self.setVisible(self._there)
