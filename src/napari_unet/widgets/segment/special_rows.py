"""Rows of the Segment dock's options that are not made from the type of their setting alone."""

from pydantic.fields import FieldInfo
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QAbstractSlider, QHBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_unet.segment.engine.kinds import NOT_INSTALLED, openvino_version
from napari_unet.segment.settings_fields import tip_of
from napari_unet.widgets.fields.rows import keep_from_wheel, make_label, plain_tip
from napari_unet.widgets.fields.setting_rows import SettingRow, WordRow

DECIMALS = 2
LOWEST = 0.01
HIGHEST = 0.99
USUAL = 0.5


class EngineRow(WordRow):
    """Edits the name of an engine; one that is not installed is grey."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(info, parent)
        if openvino_version() is None:
            self.forbid("openvino", NOT_INSTALLED)


class ThresholdRow(SettingRow):
    """Edits a threshold; None is the model's own. `moved` tells what a user's hand does."""

    moved = Signal(float)

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own = USUAL  # the model's
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LOWEST, HIGHEST)
        self.slider.setDecimals(DECIMALS)
        self.slider.setValue(USUAL)
        self.slider.setToolTip(plain_tip(tip_of(info)))
        for slider in (self.slider, *self.slider.findChildren(QAbstractSlider)):
            keep_from_wheel(slider)
        label = make_label(info.title or "", self)
        label.setToolTip(plain_tip(tip_of(info)))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addWidget(self.slider, 1)
        self.slider.valueChanged.connect(self._on_slider_changed)

    def value(self) -> float | None:
        """The threshold, where it is not the model's own."""
        threshold = float(self.slider.value())
        return None if abs(threshold - self._own) < 1e-6 else _as_shown(threshold)

    def set_value(self, value: float | None) -> None:
        """Show this threshold, without telling."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._own if value is None else value)

    def set_own(self, threshold: float) -> None:
        """Take a model's own threshold, and show it."""
        self._own = threshold
        with QSignalBlocker(self.slider):  # the range has to hold it, however close to an end it is
            self.slider.setRange(min(LOWEST, threshold), max(HIGHEST, threshold))
        self.set_value(None)

    def _on_slider_changed(self, threshold: float) -> None:
        self.moved.emit(float(threshold))
        self.value_changed.emit()


def _as_shown(threshold: float) -> float:
    """A threshold as it is read, so that another run can have the same; but for those that would be
    read as none.
    """
    shown = round(threshold, DECIMALS)
    return shown if 0 < shown < 1 else threshold
