"""The leaf widgets of the Fine-tune dock, one above the other; the button stays in sight."""

from qtpy.QtWidgets import QWidget

from napari_unet.widgets.docks.form import DockForm
from napari_unet.widgets.fields.message_line import MessageLine
from napari_unet.widgets.fields.name_field import NameField
from napari_unet.widgets.fields.run_bar import RunBar, RunWords
from napari_unet.widgets.fields.snug_area import snug_area
from napari_unet.widgets.finetune.fields.budget import BudgetPicker, ResumeBox
from napari_unet.widgets.finetune.fields.class_editor import ClassEditor
from napari_unet.widgets.finetune.fields.pairs import PairsPicker
from napari_unet.widgets.finetune.fields.review_bar import ReviewBar
from napari_unet.widgets.finetune.fields.start_model import ParentPicker
from napari_unet.widgets.finetune.fields.training_panel import TrainingPanel
from napari_unet.widgets.finetune.fields.verdict_card import VerdictCard
from napari_unet.widgets.finetune.options import FinetuneOptions
from napari_unet.widgets.finetune.order import TrainChoices

WORDS = RunWords(
    "Fine-tune",
    "Teach a copy of the model what you painted and what you called right, then compare the two. "
    "The old model is never changed.",
    "Stop and keep",
    "End the training now, judge what has been learnt, and keep it.",
    "End the training as if it had never begun.",
)


class FinetuneForm(DockForm):
    """Holds the leaf widgets and lays them out; connects nothing."""

    model: ParentPicker

    good_width_px = 320

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pairs = PairsPicker()
        self.review = ReviewBar()
        self.model = ParentPicker()
        self.classes = ClassEditor()
        self.name = NameField()
        self.budget = BudgetPicker()
        self.options = FinetuneOptions()
        self.device = self.options.device
        self.resume = ResumeBox()
        widgets = (
            self.pairs,
            self.review,
            self.model,
            self.classes,
            self.name,
            self.budget,
            self.options,
            self.resume,
        )
        self._area = snug_area(widgets, self)
        self.panel = TrainingPanel(self)
        self.card = VerdictCard(self)
        self.message = MessageLine(self)
        self.bar = RunBar(WORDS, self, can_pause=True)
        self.lay_out((self._area, self.panel, self.card, self.message, self.fit, self.bar))

    def choices(self) -> TrainChoices:
        """How to train."""
        return self.options.value().model_copy(update=self._train_for())

    def chosen(self) -> TrainChoices:
        """What is to be remembered: also what is not offered now, or not there on this machine."""
        device = {"device": self.device.wanted()}
        return self.options.chosen().model_copy(update=self._train_for() | device)

    def show_choices(self, choices: TrainChoices) -> None:
        """Show how to train."""
        self.budget.set_value(choices.train_for or None)
        self.options.set_value(choices)

    def _train_for(self) -> dict[str, float]:
        return {"train_for": self.budget.value() or 0.0}

    def set_running(self, running: bool) -> None:
        """Show what is chosen, or what the training does."""
        self._area.setVisible(not running)
        self.bar.set_running(running)
        if running:
            self.card.clear()
        else:
            self.panel.end()

    def set_card(self, shown: bool) -> None:
        """One button stands out: that of the verdict while it has one."""
        self.card.setVisible(shown)
        self.bar.set_obvious(not shown or self.card.segment_button.isHidden())
