"""In which number format a network is computed."""

from qtpy.QtWidgets import QWidget

from napari_unet.widgets.setting_picker import SettingPicker

NAMES = {"float32": "Full", "half": "Half, faster"}


class PrecisionPicker(SettingPicker):
    """Edits the name of a precision: "float32" or "half"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("precision", NAMES, parent)
