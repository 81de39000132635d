"""The Fine-tune dock: holds the leaf widgets and connects them to one training at a time."""

import weakref
from contextlib import suppress
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_unet.model.library import list_models, user_model_path
from napari_unet.progress import Progress
from napari_unet.widgets.docks.fit_probe import FitQuestion
from napari_unet.widgets.docks.run import RunEnd
from napari_unet.widgets.docks.run_dock import RunDock
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.finetune.classes import ClassCoordinator
from napari_unet.widgets.finetune.fields.preview import PreviewPart
from napari_unet.widgets.finetune.form import FinetuneForm
from napari_unet.widgets.finetune.order import TrainChoices
from napari_unet.widgets.finetune.outcome import FinetuneOutcome, closing_message
from napari_unet.widgets.finetune.plan import (
    NO_LABELS,
    NO_TRUST,
    FinetuneChoice,
    FinetunePlan,
)
from napari_unet.widgets.finetune.recovery import RecoveryCoordinator
from napari_unet.widgets.finetune.review import ReviewCoordinator
from napari_unet.widgets.finetune.run import FinetuneRun, TrainEnd
from napari_unet.widgets.finetune.task import HeldOut, Losses
from napari_unet.widgets.finetune.unfinished import interrupted
from napari_unet.widgets.viewer.layer_facts import real_viewer
from napari_unet.widgets.viewer.layer_watch import IMAGES, LABELS, LayerWatch
from napari_unet.widgets.viewer.preferences import remember, remembered
from napari_unet.widgets.viewer.theme import follow_theme, theme_colours

NEW = "my-model"
NOTES = {
    "Preparing": "Looking at what there is to learn from…",
    "Judging": "Comparing with the old model…",
}
QUIET = (NO_LABELS, NO_TRUST)


class FinetuneWidget(RunDock[FinetuneRun]):
    """What the menu opens; `run_ended` shows scripts and tests how a training went."""

    title = "Fine-tune"
    stopping_text = "Stopping, then comparing with the old model…"
    form: FinetuneForm

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, FinetuneForm(), parent)
        viewer = real_viewer(napari_viewer)
        self._viewer = weakref.ref(viewer)
        self._images = LayerWatch(viewer, IMAGES)
        self._labels = LayerWatch(viewer, LABELS)
        self.plan = FinetunePlan(viewer, self._images, self._labels)
        self.review = ReviewCoordinator(viewer, self.form.review, self.plan)
        self.recovery = RecoveryCoordinator(viewer, self.form.review, self.plan)
        self.classes = ClassCoordinator(self.form.classes, self.review)
        self.outcome = FinetuneOutcome(viewer, self.form.card, self.plan)
        self._problem = ""
        self._said = ""
        self.connect_form()
        follow_theme(viewer, self._on_theme_changed)
        self._on_theme_changed()
        self.form.show_choices(remembered(TrainChoices))
        self.form.model.set_entries(list_models())
        self._on_layers_changed()
        self.start_probing()

    def choice(self) -> FinetuneChoice:
        """All that is chosen."""
        form = self.form
        return FinetuneChoice(
            pairs=tuple(pair for pair in form.pairs.value() if pair.labels is not None),
            parent=None if form.model.from_scratch() else form.model.value(),
            name=form.name.value(),
            classes=form.classes.value(),
            options=form.choices(),
            resume=form.resume.value(),
        )

    def connect_form(self) -> None:
        """Connect the fields with each other and with the plan."""
        super().connect_form()
        form = self.form
        for watch in (self._images, self._labels):
            watch.changed.connect(self._on_layers_changed)
        form.pairs.value_changed.connect(self._on_pairs_changed)
        form.model.value_changed.connect(self._on_model_changed)
        form.classes.value_changed.connect(self.show_readiness)
        form.name.value_changed.connect(self.show_readiness)
        form.bar.pause_requested.connect(self._on_pause_requested)
        self.review.changed.connect(self._on_trust_changed)
        for part in (self.review, self.recovery, self.outcome):
            part.message.connect(form.message.say)
        model_news().chosen.connect(self._on_model_chosen)

    def show_readiness(self) -> None:
        """Show at once whether there can be a training, and what is special about it."""
        if self._run is not None:
            return
        form = self.form
        form.resume.set_interrupted(interrupted(user_model_path(form.name.value())))
        problems = (self._problem, form.classes.problem(), form.name.problem())
        scratch = form.model.from_scratch()
        readiness = self.plan.readiness(self.choice(), problems, self.review.trusts, scratch)
        form.bar.set_ready(readiness.ready, readiness.text)
        before = self._said
        self._said = readiness.text
        if readiness.shown and readiness.text != before:
            quiet = readiness.ready or readiness.text in QUIET
            form.message.say(readiness.text, "info" if quiet else "problem")
        elif not readiness.shown and form.message.text() == before:
            form.message.clear()
        self.show_fit()

    def fit_question(self) -> FitQuestion | None:
        """Whether the model to start from fits the first image."""
        return self.plan.fit_question(self.choice())

    def make_run(self) -> FinetuneRun:
        """The training that is chosen."""
        return self.plan.make_run(self.choice())

    def run_begins(self, run: FinetuneRun) -> None:
        """Let go of the last training, show what this one reports, and remember its choices."""
        form = self.form
        remember(form.chosen())
        order = run.order
        self._said = ""
        self.outcome.clear()
        title = f"{order.parent.name} → {order.name}" if order.parent is not None else order.name
        form.panel.begin(title, [item.colour for item in order.classes])
        run.plots_ready.connect(form.panel.curves.begin)
        run.reported.connect(self._on_run_reported)

    def show_progress(self, progress: Progress) -> None:
        """Steps are counted; what comes before and after them takes as long as it takes."""
        if note := NOTES.get(progress.note):
            self.form.bar.set_waiting(note)
            if progress.done:
                self.form.bar.set_ending(note)
        else:
            super().show_progress(progress)

    def show_end(self, run: FinetuneRun, end: RunEnd) -> None:
        """Show the verdict, or why there is none."""
        if isinstance(end, TrainEnd) and end.trained is not None:
            self.outcome.take(run, end.trained)
            self.form.set_card(True)
            self.form.message.say(*closing_message(end.trained, run.order))
        else:
            super().show_end(run, end)

    def models_changed(self) -> None:
        """Offer a name that no model has."""
        entry = self.form.model.value()
        base = entry.name if entry is not None and entry.header is not None else NEW
        self.form.name.set_parent_name(base, [other.name for other in list_models()])

    def _on_layers_changed(self) -> None:
        self.form.pairs.set_layers(self._images.facts(), self._labels.facts())
        self._on_pairs_changed()

    def _on_pairs_changed(self) -> None:
        pairs = self.form.pairs.value()
        self._problem = self.review.set_pairs([pair for pair in pairs if pair.labels is not None])
        self.recovery.search([pair.image for pair in pairs])
        for facts in self.form.pairs.labels()[:1]:
            self.form.model.set_parent(facts.weights_sha256)
        self._on_trust_changed()

    def _on_model_changed(self) -> None:
        form = self.form
        entry = form.model.value()
        header = entry.header if entry is not None else None
        form.pairs.set_model(header.spec if header is not None else None)
        form.options.set_has_parent(not form.model.from_scratch())
        self.models_changed()
        self._on_trust_changed()

    def _on_trust_changed(self) -> None:
        self.classes.show_known(self.form.model.value(), self.form.pairs.labels())
        self.show_readiness()

    def _on_run_reported(self, message: object) -> None:
        panel = self.form.panel
        if isinstance(message, Losses):
            for step, loss in message.points:
                panel.curves.add_loss(step, loss)
        elif isinstance(message, HeldOut) and message.step:
            panel.curves.add_dice(message.step, message.dice)
        elif isinstance(message, HeldOut):
            panel.curves.set_old_dice(message.dice)
        elif isinstance(message, PreviewPart):
            panel.preview.set_part(message)

    def _on_pause_requested(self, paused: bool) -> None:
        if self._run is not None:
            self._run.pause(paused)

    def _on_model_chosen(self) -> None:
        card = self.form.card
        self.form.bar.set_obvious(card.isHidden() or card.segment_button.isHidden())

    def _on_theme_changed(self) -> None:
        viewer = self._viewer()
        with suppress(RuntimeError):  # the dock has been closed
            if viewer is not None:
                self.form.panel.curves.set_colours(theme_colours(viewer))
