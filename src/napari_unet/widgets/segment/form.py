"""The leaf widgets of the Segment dock, one above the other; the button stays in sight."""

from qtpy.QtWidgets import QWidget

from napari_unet.widgets.docks.form import DockForm
from napari_unet.widgets.fields.device_picker import DevicePicker
from napari_unet.widgets.fields.input_picker import InputPicker
from napari_unet.widgets.fields.message_line import MessageLine
from napari_unet.widgets.fields.model_picker import ModelPicker
from napari_unet.widgets.fields.rows import make_note, plain_tip
from napari_unet.widgets.fields.run_bar import RunBar, RunWords
from napari_unet.widgets.fields.snug_area import snug_area
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.options import OptionsForm

RUN_TIP = (
    "Segment the image with the model. The result is a new layer; it grows from the middle of what "
    "you look at."
)
PART_TIP = (
    "Segment only what the canvas shows now, in the slice that is shown. The rest of the result "
    "stays marked as not computed."
)
COST_TIP = (
    "The memory of one tile, beside what napari takes, and the time at the speed of earlier runs, "
    "where there were any."
)


class SegmentForm(DockForm):
    """Holds the leaf widgets and lays them out; connects nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = InputPicker()
        self.model = ModelPicker()
        self.device = DevicePicker()
        self.options = OptionsForm()
        area = snug_area((self.image, self.model, self.device, self.options), self)
        self.message = MessageLine(self)
        self.cost = make_note(self)
        self.cost.setToolTip(plain_tip(COST_TIP))
        self.bar = RunBar(RunWords("Segment", RUN_TIP, part="What I see", part_tip=PART_TIP), self)
        self.lay_out((area, self.message, self.fit, self.cost, self.bar))
        self.show_cost("")

    def show_cost(self, text: str) -> None:
        """Say what a run would take, or nothing."""
        self.cost.setText(text)
        self.cost.setVisible(bool(text))

    def choices(self) -> SegmentChoices:
        """All that is chosen, as a run takes it."""
        own = {"device": self.device.value(), "resample": self.image.value().resample}
        return self.options.value().model_copy(update=own)
