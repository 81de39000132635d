"""What is folded away: how much of the image is segmented, what is kept and where, and what runs
the network.
"""

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QAbstractSlider, QCheckBox, QHBoxLayout, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.fields.fold import Fold
from napari_unet.widgets.fields.rows import keep_from_wheel, make_label, plain_tip
from napari_unet.widgets.fields.setting_picker import EnginePicker, HaloPicker, PrecisionPicker
from napari_unet.widgets.fields.values import Options
from napari_unet.widgets.segment.keep_field import KeepField

SLICE_TEXT = "Current slice only"
REGION_TEXT = "Visible region only"
DECIMALS = 2
THRESHOLDS = (0.01, 0.99)
FOLD_TIP = "How much to segment, what to keep besides the labels, and what runs the network"
SLICE_TIP = "Segment only the slice (or time point) that is shown now; the rest of the result stays marked as not computed."
VIEW_TIP = (
    "Segment only what the canvas shows now; the rest of the result stays marked as not computed."
)
PROBABILITY_TIP = "Keep the probability of each class as an image layer; the threshold can then be moved without a new run."
THRESHOLD_TIP = "The probability from which a pixel counts as found. With kept probabilities, the last result follows at once."


class OptionsForm(QWidget):
    """Edits an `Options`; the threshold is shown for models with two classes."""

    value_changed = Signal()
    threshold_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slice = self._box(SLICE_TEXT, SLICE_TIP)
        self._view = self._box(REGION_TEXT, VIEW_TIP)
        self._keep = self._box(
            "Keep probabilities",
            f"{SegmentSettings.model_fields['keep_probabilities'].description} {PROBABILITY_TIP}",
        )
        self._place = KeepField()
        self._place.value_changed.connect(self.value_changed)
        self._engine = EnginePicker()
        self._engine.value_changed.connect(self.value_changed)
        self._precision = PrecisionPicker()
        self._precision.value_changed.connect(self.value_changed)
        self._halo = HaloPicker()
        self._halo.value_changed.connect(self.value_changed)
        self._halo.hide()
        self._slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(*THRESHOLDS)
        self._slider.setDecimals(DECIMALS)
        self._slider.setValue(0.5)
        self._default = 0.5
        self._slider.setToolTip(plain_tip(THRESHOLD_TIP))
        for slider in (self._slider, *self._slider.findChildren(QAbstractSlider)):
            keep_from_wheel(slider)
        self._threshold_row = self._make_threshold_row()
        self._lay_out()
        self._slider.valueChanged.connect(self._on_slider_changed)

    def value(self) -> Options:
        """The options."""
        threshold = self._slider.value()
        own = self._threshold_row.isHidden() or abs(threshold - self._default) < 1e-6
        return Options(
            current_slice_only=self._slice.isChecked() and not self._slice.isHidden(),
            region_in_view_only=self._view.isChecked(),
            keep_probabilities=self._keep.isChecked(),
            threshold=None if own else _as_shown(float(threshold)),
            engine=self._engine.value(),
            precision="half" if self._precision.value() == "half" else "float32",
            halo="auto" if self._halo.isHidden() else self._halo.value(),
            keep_in=self._place.value(),
        )

    def set_value(self, options: Options) -> None:
        """Show these options."""
        self._slice.setChecked(options.current_slice_only)
        self._view.setChecked(options.region_in_view_only)
        self._keep.setChecked(options.keep_probabilities)
        self._engine.set_value(options.engine)
        self._precision.set_value(options.precision)
        self._halo.set_value(options.halo)
        self._place.set_value(options.keep_in)
        self._show_threshold(self._default if options.threshold is None else options.threshold)

    def set_threshold_default(self, threshold: float | None) -> None:
        """Take a model's own threshold; None hides the slider (three or more classes)."""
        self._threshold_row.setVisible(threshold is not None)
        self._default = 0.5 if threshold is None else threshold
        lowest, highest = THRESHOLDS
        with QSignalBlocker(self._slider):
            self._slider.setRange(min(lowest, self._default), max(highest, self._default))
        self._show_threshold(self._default)

    def set_has_slices(self, has: bool) -> None:
        """Offer "current slice only" for more than a single slice."""
        self._slice.setVisible(has)

    def forget_place(self) -> None:
        """Keep the next result in no file."""
        self._place.set_value("")

    def set_name(self, name: str) -> None:
        """Offer this as the name of a file that the result is kept in."""
        self._place.set_name(name)

    def set_has_measured_halo(self, has: bool) -> None:
        """Offer the choice of context for a model that has two."""
        self._halo.setVisible(has)

    def expand(self) -> None:
        """Unfold without animation."""
        self._fold.expand(animate=False)

    def _box(self, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(plain_tip(tip))
        box.toggled.connect(self.value_changed)
        return box

    def _make_threshold_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        label = make_label("Threshold", row)
        label.setToolTip(plain_tip(THRESHOLD_TIP))
        layout.addWidget(label)
        layout.addWidget(self._slider, 1)
        return row

    def _lay_out(self) -> None:
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(3, 0, 0, 0)
        for widget in (
            self._slice,
            self._view,
            self._keep,
            self._threshold_row,
            self._place,
            self._engine,
            self._precision,
            self._halo,
        ):
            inner.addWidget(widget)
        self._fold = Fold("Options", FOLD_TIP, content, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._fold)

    def _show_threshold(self, threshold: float) -> None:
        """Move the slider without telling: only a user's hand moves the threshold of a result."""
        blocker = QSignalBlocker(self._slider)
        self._slider.setValue(threshold)
        blocker.unblock()

    def _on_slider_changed(self, threshold: float) -> None:
        self.threshold_changed.emit(float(threshold))
        self.value_changed.emit()


def _as_shown(threshold: float) -> float:
    """A threshold as it is read, so that another run can have the same; but for those that would be
    read as none.
    """
    shown = round(threshold, DECIMALS)
    return shown if 0 < shown < 1 else threshold
