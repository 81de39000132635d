"""What is folded away in the Fine-tune dock: where it runs, what of the old model is held on to,
and the seed.
"""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from napari_unet.widgets.fields.device_picker import DevicePicker
from napari_unet.widgets.fields.fold import Fold
from napari_unet.widgets.fields.rows import add_row, keep_from_wheel, make_grid, plain_tip
from napari_unet.widgets.fields.values import TrainOptions

FOLD_TIP = "Where it runs, what of the old model is held on to, touching objects, and the seed"
REMEMBER_TIP = "Hold on to what the old model knows where nothing was corrected, so that it does not get worse on other images."
SEPARATE_TIP = (
    "Give the narrow gaps between touching objects more weight, so that they are kept apart."
)
SEED_TIP = "Where chance begins. The same seed and the same number of steps give the same model on the same computer."
MOST = 9999


class FinetuneOptions(QWidget):
    """Edits a `TrainOptions`."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.device = DevicePicker()
        self._remember = self._box("Keep what it knows", REMEMBER_TIP)
        self._separate = self._box("Split touching objects", SEPARATE_TIP)
        self._seed = QSpinBox()
        self._seed.setRange(0, MOST)
        keep_from_wheel(self._seed)
        self._lay_out()
        self.set_value(TrainOptions())
        self.device.value_changed.connect(self.value_changed)
        self._seed.valueChanged.connect(self.value_changed)

    def value(self) -> TrainOptions:
        """The options."""
        return TrainOptions(
            self.device.value(),
            self._seed.value(),
            self._remember.isChecked(),
            self._separate.isChecked(),
        )

    def set_value(self, options: TrainOptions) -> None:
        """Show these options."""
        self.device.set_value(options.device)
        self._remember.setChecked(options.remember)
        self._separate.setChecked(options.separate)
        self._seed.setValue(options.seed)

    def set_has_parent(self, has: bool) -> None:
        """Offer to hold on to what an old model knows, where there is one."""
        self._remember.setVisible(has)

    def expand(self) -> None:
        """Unfold without animation."""
        self._fold.expand(animate=False)

    def fields(self) -> list[QWidget]:
        """What can be changed, from top to bottom."""
        return [self.device, self._remember, self._separate, self._seed]

    def _box(self, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(plain_tip(tip))
        box.toggled.connect(self.value_changed)
        return box

    def _lay_out(self) -> None:
        content = QWidget()
        row = QWidget()
        add_row(make_grid(row), 0, "Seed", self._seed, SEED_TIP)
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        for widget in (self.device, self._remember, self._separate, row):
            inner.addWidget(widget)
        self._fold = Fold("Options", FOLD_TIP, content, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._fold)
