"""How long a training may take, in minutes; and whether an interrupted one is resumed."""

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
        """The minutes; None where the training decides."""
        minutes = self._combo.currentData()
        return None if minutes is None else float(minutes)

    def set_value(self, minutes: float | None) -> None:
        """Choose this budget, or the nearest that is on offer."""
        if minutes is None:
            self._combo.setCurrentIndex(len(BUDGETS) - 1)
        else:
            known = [offered for _, offered in BUDGETS if offered is not None]
            nearest = min(known, key=lambda other: abs(other - minutes))
            self._combo.setCurrentIndex(known.index(nearest))

    def fields(self) -> list[QWidget]:
        """What can be changed."""
        return [self._combo]


RESUME_TEXT = "Resume the interrupted training ({})"
RESUME_TIP = (
    "A training of this name was interrupted, as by a crash. With the same images, labels and "
    "choices it resumes from its last checkpoint; with others it begins anew, and says so."
)


class ResumeBox(QCheckBox):
    """Edits whether an interrupted training is resumed; shown where there is one, yes at first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(plain_tip(RESUME_TIP))
        self.setChecked(True)
        self.set_interrupted("")

    def value(self) -> bool:
        """Whether to resume it."""
        return self._there and self.isChecked()

    def set_interrupted(self, when: str) -> None:
        """Say from when the interrupted training is; empty where there is none."""
        self._there = bool(when)
        self.setText(RESUME_TEXT.format(when))
        self.setVisible(self._there)
