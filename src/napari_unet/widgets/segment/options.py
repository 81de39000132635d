"""What is folded away: how much of the image is segmented, what is kept of the result and where,
and what runs the network.
"""

from collections.abc import Mapping
from typing import ClassVar, cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_unet.segment.settings import NETWORK, RESULT
from napari_unet.widgets.fields.setting_form import MakeRow, SettingForm
from napari_unet.widgets.segment.choices import PART, SegmentChoices
from napari_unet.widgets.segment.keep_field import KeepField
from napari_unet.widgets.segment.special_rows import USUAL, EngineRow, ThresholdRow


class OptionsForm(SettingForm[SegmentChoices]):
    """Edits the choices that have a row; the threshold is shown for models with two classes."""

    threshold_changed = Signal(float)

    choices = SegmentChoices
    groups = (PART, RESULT, NETWORK)
    own_rows: ClassVar[Mapping[str, MakeRow]] = {
        "keep_in": KeepField,
        "engine": EngineRow,
        "threshold": ThresholdRow,
    }
    tip = "How much to segment, what to keep besides the labels, and what runs the network"
    indent_px = 3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.threshold = cast(ThresholdRow, self.rows["threshold"])
        self.file = cast(KeepField, self.rows["keep_in"])
        self.threshold.moved.connect(self.threshold_changed)
        self.offer("halo", False)

    def set_threshold_default(self, threshold: float | None) -> None:
        """Take a model's own threshold; None hides the slider (three or more classes)."""
        self.offer("threshold", threshold is not None)
        self.threshold.set_own(USUAL if threshold is None else threshold)
