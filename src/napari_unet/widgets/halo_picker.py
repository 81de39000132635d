"""How much context tiles get, of a model for which less than the exact one has been measured."""

from qtpy.QtWidgets import QWidget

from napari_unet.widgets.setting_picker import SettingPicker

NAMES = {"auto": "Automatic", "exact": "Exact", "measured": "Measured, faster"}


class HaloPicker(SettingPicker):
    """Edits the name of a halo: "auto", "exact" or "measured"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("halo", NAMES, parent)
