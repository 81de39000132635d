"""What runs the network: "Automatic" first; an engine that is not installed is grey and says how to install it."""

from qtpy.QtWidgets import QWidget

from napari_unet.segment.installed import NOT_INSTALLED, openvino_version
from napari_unet.widgets.setting_picker import SettingPicker

NAMES = {"auto": "Automatic", "torch": "PyTorch", "openvino": "OpenVINO"}


class EnginePicker(SettingPicker):
    """Edits the name of an engine: "auto", "torch" or "openvino"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("engine", NAMES, parent)
        if openvino_version() is None:
            self.forbid("openvino", NOT_INSTALLED)
