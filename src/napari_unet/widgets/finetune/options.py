"""What is folded away in the Fine-tune dock: where it runs, what is kept of the old model, and the
seed.
"""

from collections.abc import Mapping
from typing import ClassVar, cast

from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QWidget

from napari_unet.learn.settings import CHANCE, DEVICE, LEARNING
from napari_unet.widgets.fields.device_picker import DevicePicker
from napari_unet.widgets.fields.setting_form import MakeRow, SettingForm
from napari_unet.widgets.finetune.order import TrainChoices


def _device_row(_: FieldInfo) -> DevicePicker:
    """The devices are not known from the field, but from the machine."""
    return DevicePicker()


class FinetuneOptions(SettingForm[TrainChoices]):
    """Edits the choices of a training that have a row."""

    choices = TrainChoices
    groups = (DEVICE, LEARNING, CHANCE)
    own_rows: ClassVar[Mapping[str, MakeRow]] = {"device": _device_row}
    tip = "Where it runs, what of the old model is held on to, touching objects, and the seed"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.device = cast(DevicePicker, self.rows["device"])

    def set_has_parent(self, has: bool) -> None:
        """Offer to keep what an old model knows, where there is one."""
        self.offer("keep_what_it_knew", has)
