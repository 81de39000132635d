"""What every dock shows: its own fields, a message, and the buttons of a run, always in sight."""

from collections.abc import Sequence

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.widgets.fields.device_picker import DevicePicker
from napari_unet.widgets.fields.message_line import MessageLine
from napari_unet.widgets.fields.model_picker import ModelPicker
from napari_unet.widgets.fields.rows import make_note, plain_tip
from napari_unet.widgets.fields.run_bar import RunBar

LEAST_WIDTH_PX = 256
LEAST_HEIGHT_PX = 320
FIT_TIP = (
    "What the model makes of a small part of the image, around the middle of the canvas. It is a "
    "guess: try it if you know better."
)


class DockForm(QWidget):
    """Holds the fields of a dock and lays them out; connects nothing."""

    model: ModelPicker
    device: DevicePicker
    message: MessageLine
    bar: RunBar

    good_width_px = 300  # at which nothing is shortened

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fit = make_note(self)
        self.fit.setToolTip(plain_tip(FIT_TIP))
        self.show_fit("")

    def show_fit(self, text: str) -> None:
        """Say whether the model may fit the image, or nothing."""
        self.fit.setText(text)
        self.fit.setVisible(bool(text))

    def set_running(self, running: bool) -> None:
        """Show what is chosen, or what the run does."""
        self.bar.set_running(running)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width at which nothing is shortened."""
        return QSize(self.good_width_px, super().sizeHint().height())

    def lay_out(self, widgets: Sequence[QWidget]) -> None:
        """Put these one below the other, and leave what is not needed at the bottom."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(8)
        for widget in widgets:
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setMinimumSize(LEAST_WIDTH_PX, LEAST_HEIGHT_PX)
