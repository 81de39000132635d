"""How long a training may take: minutes, not epochs."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_unet.widgets.rows import add_row, make_combo, make_grid

BUDGETS: tuple[tuple[str, float | None], ...] = (
    ("1 minute", 1.0),
    ("3 minutes", 3.0),
    ("10 minutes", 10.0),
    ("Until it stops improving", None),
)
TIP = (
    "How long to train, from the click to the saved model. What has been learnt can be kept at any moment with Stop and keep; "
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
            self._combo.setCurrentIndex(known.index(min(known, key=lambda other: abs(other - minutes))))

    def fields(self) -> list[QWidget]:
        """What can be changed."""
        return [self._combo]
