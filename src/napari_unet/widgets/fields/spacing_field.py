"""The voxel size of an image, in micrometres: shown, entered or corrected."""

from collections.abc import Sequence

from qtpy.QtCore import QLocale, QSignalBlocker, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from napari_unet.widgets.fields.rows import keep_from_wheel, plain_tip
from napari_unet.words import MICROMETRE

UNKNOWN_TEXT = "unknown"
LARGEST_UM = 1e6
DECIMALS = 6
EQUAL = 1e-6
TIPS = {
    "z": "Distance from one slice of the stack to the next",
    "y": "Height of a pixel",
    "x": "Width of a pixel",
    "yx": "Side of a pixel",
}


class LengthBox(QDoubleSpinBox):
    """A length in micrometres; 0 reads "unknown". Both a point and a comma begin the decimals,
    whatever the language.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plain = QLocale.c()
        plain.setNumberOptions(
            QLocale.NumberOption.OmitGroupSeparator | QLocale.NumberOption.RejectGroupSeparator
        )
        self.setLocale(plain)
        self.setRange(0.0, LARGEST_UM)
        self.setDecimals(DECIMALS)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setSuffix(f" {MICROMETRE}")
        self.setSpecialValueText(UNKNOWN_TEXT)
        self.setKeyboardTracking(False)
        self.setMinimumWidth(60)
        keep_from_wheel(self)

    def textFromValue(self, v: float) -> str:  # noqa: N802
        """The number without needless zeros."""
        return f"{v:.{DECIMALS}f}".rstrip("0").rstrip(".")

    def valueFromText(self, text: str | None) -> float:  # noqa: N802
        """The number that a text means."""
        return super().valueFromText(_pointed(text))

    def validate(self, input: str | None, pos: int) -> tuple[QValidator.State, str, int]:
        """Whether a text is a number, or can become one."""
        return super().validate(_pointed(input), pos)


class SpacingField(QWidget):
    """Edits one length per spatial axis; axes of a slice that are equal share a box."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axes = ""
        self._boxes: dict[str, LengthBox] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)

    def value(self) -> tuple[float, ...] | None:
        """One length per axis, or None while any is unknown."""
        lengths = [self._box_of(axis).value() for axis in self._axes]
        return tuple(lengths) if lengths and all(length > 0 for length in lengths) else None

    def set_value(self, axes: str, lengths: Sequence[float] | None) -> None:
        """Show lengths for these spatial axes; None for unknown ones."""
        groups = _groups(axes, lengths)
        if axes != self._axes or groups != list(self._boxes):
            self._axes = axes
            self._rebuild(groups)
        for axis, length in zip(axes, lengths or [0.0] * len(axes), strict=True):
            box = self._box_of(axis)
            with QSignalBlocker(box):
                box.setValue(length)

    def fields(self) -> list[QWidget]:
        """The boxes, from top to bottom."""
        return list(self._boxes.values())

    def _rebuild(self, groups: list[str]) -> None:
        for old in self._boxes.values():
            self._layout.removeWidget(old)
            old.deleteLater()
        self._boxes = {}
        for group in groups:
            box = LengthBox(self)
            box.setToolTip(plain_tip(f"{TIPS[group]}, in micrometres; 0 for unknown"))
            box.setPrefix(f"{group[::-1]} " if len(groups) > 1 else "")
            box.valueChanged.connect(self.value_changed)
            self._layout.addWidget(box)
            self._boxes[group] = box

    def _box_of(self, axis: str) -> LengthBox:
        return next(box for group, box in self._boxes.items() if axis in group)


def _pointed(text: str | None) -> str:
    return (text or "").replace(",", ".")


def _groups(axes: str, lengths: Sequence[float] | None) -> list[str]:
    known = dict(zip(axes, lengths, strict=True)) if lengths else {}
    equal = abs(known.get("y", 1.0) - known.get("x", 1.0)) <= EQUAL * known.get("x", 1.0)
    flat = ["yx"] if equal else ["y", "x"]
    return (["z"] if "z" in axes else []) + flat
