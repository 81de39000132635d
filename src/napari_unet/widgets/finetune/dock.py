"""The Fine-tune dock: holds the leaf widgets and connects them to one training at a time."""

import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.errors import NapariUNetError
from napari_unet.model.formats.safetensors_header import SUFFIX
from napari_unet.model.library import list_models, model_entry, user_folder
from napari_unet.progress import Progress
from napari_unet.widgets.fields.dock import Dock
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.finetune.classes import ClassDesk
from napari_unet.widgets.finetune.fields.preview import PreviewPart
from napari_unet.widgets.finetune.form import FinetuneForm
from napari_unet.widgets.finetune.outcome import FinetuneOutcome, said_of
from napari_unet.widgets.finetune.plan import (
    NO_LABELS,
    NO_TRUST,
    FinetuneChoice,
    FinetunePlan,
    path_of,
)
from napari_unet.widgets.finetune.recovery import RecoveryDesk
from napari_unet.widgets.finetune.review import TrustDesk
from napari_unet.widgets.finetune.run import FinetuneRun, TrainEnd
from napari_unet.widgets.finetune.task import HeldOut, Losses
from napari_unet.widgets.finetune.unfinished import interrupted
from napari_unet.widgets.jobs.device_probe import DeviceProbe
from napari_unet.widgets.jobs.job import in_background
from napari_unet.widgets.painting.commands import bind_keys
from napari_unet.widgets.viewer.class_colours import warm_up
from napari_unet.widgets.viewer.layer_facts import real_viewer
from napari_unet.widgets.viewer.layer_watch import IMAGES, LABELS, LayerWatch
from napari_unet.widgets.viewer.theme import theme_colours

WARM_UP_MS = 300
NEW = "my-model"
NOTES = {
    "Preparing": "Looking at what there is to learn from…",
    "Judging": "Comparing with the old model…",
}
QUIET = (NO_LABELS, NO_TRUST)
KINDS = {"cancelled": "info", "failed": "error"}


class FinetuneWidget(Dock):
    """What the menu opens; `run_ended` tells scripts and tests how a training went."""

    title = "Fine-tune"

    run_ended = Signal(object)

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = FinetuneForm(self)
        self.hold(self.form)
        viewer = real_viewer(napari_viewer)
        bind_keys(viewer)
        self._images = LayerWatch(viewer, IMAGES)
        self._labels = LayerWatch(viewer, LABELS)
        self.plan = FinetunePlan(viewer, self._images, self._labels)
        self.trust = TrustDesk(viewer, self.form.trust, self.plan)
        self.recovery = RecoveryDesk(viewer, self.form.trust, self.plan)
        self.classes = ClassDesk(self.form.classes, self.trust)
        self.outcome = FinetuneOutcome(viewer, self.form.card, self.plan)
        self._viewer = weakref.ref(viewer)
        self._run: FinetuneRun | None = None
        self._problem = self._said = ""
        self._probe = DeviceProbe(self)
        self._connect()
        viewer.events.theme.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.form.model.set_entries(list_models())
        self._on_layers_changed()
        self._probe.start()
        QTimer.singleShot(WARM_UP_MS, lambda: in_background(warm_up))

    @property
    def run(self) -> FinetuneRun | None:
        """The training that goes on, if any."""
        return self._run

    def end(self) -> None:
        """Stop a training and keep what was learnt."""
        if self._run is not None:
            self._run.stop()

    def choice(self) -> FinetuneChoice:
        """All that is chosen."""
        form = self.form
        parent = None if form.model.from_scratch() else form.model.value()
        pairs = tuple(pair for pair in form.pairs.value() if pair.labels is not None)
        name = form.name.value()
        classes = form.classes.value()
        minutes = form.budget.value()
        return FinetuneChoice(
            pairs, parent, name, classes, minutes, form.options.value(), form.resume.value()
        )

    def _connect(self) -> None:
        form = self.form
        for watch in (self._images, self._labels):
            watch.changed.connect(self._on_layers_changed)
        self._probe.found.connect(form.options.device.set_devices)
        form.pairs.value_changed.connect(self._on_pairs_changed)
        form.model.value_changed.connect(self._on_model_changed)
        form.model.open_requested.connect(self._on_open_requested)
        form.classes.value_changed.connect(self._on_choice_changed)
        form.name.value_changed.connect(self._on_choice_changed)
        form.bar.run_requested.connect(self._on_run_requested)
        form.bar.pause_requested.connect(self._on_pause_requested)
        form.bar.stop_requested.connect(self._on_stop_requested)
        form.bar.cancel_requested.connect(self._on_cancel_requested)
        self.trust.changed.connect(self._on_trust_changed)
        for teller in (self.trust, self.recovery, self.outcome):
            teller.said.connect(form.message.say)
        model_news().saved.connect(self._on_model_saved)
        model_news().chosen.connect(self._on_model_chosen)

    def _show_name(self) -> None:
        entry = self.form.model.value()
        base = entry.name if entry is not None and entry.header is not None else NEW
        self.form.name.set_parent_name(base, [other.name for other in list_models()])

    def _on_layers_changed(self) -> None:
        self.form.pairs.set_layers(self._images.facts(), self._labels.facts())
        self._on_pairs_changed()

    def _on_pairs_changed(self) -> None:
        form = self.form
        pairs = self.form.pairs.value()
        self._problem = self.trust.set_pairs([pair for pair in pairs if pair.labels is not None])
        self.recovery.look([pair.image for pair in pairs])
        for facts in form.pairs.labels()[:1]:
            form.model.set_parent(facts.weights_sha256)
        self._on_trust_changed()

    def _on_model_changed(self) -> None:
        entry = self.form.model.value()
        self.form.pairs.set_model(
            entry.header.spec if entry is not None and entry.header is not None else None
        )
        self.form.options.set_has_parent(not self.form.model.from_scratch())
        self._show_name()
        self._on_trust_changed()

    def _on_trust_changed(self) -> None:
        self.classes.show_known(self.form.model.value(), self.form.pairs.labels())
        self._on_choice_changed()

    def _on_choice_changed(self) -> None:
        """Tell at once whether there can be a training, and what is to be known about it."""
        if self._run is not None:
            return
        form = self.form
        form.resume.set_interrupted(interrupted(path_of(form.name.value())))
        problems = (self._problem, form.classes.problem(), form.name.problem())
        outlook = self.plan.outlook(
            self.choice(), problems, self.trust.trusts, form.model.from_scratch()
        )
        form.bar.set_ready(outlook.ready, outlook.text)
        before = self._said
        self._said = outlook.text
        if outlook.shown and outlook.text != before:
            form.message.say(
                outlook.text, "info" if outlook.ready or outlook.text in QUIET else "problem"
            )
        elif not outlook.shown and form.message.text() == before:
            form.message.clear()

    def _on_open_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a model", str(user_folder()), f"Models (*{SUFFIX})"
        )
        if path:
            self.form.model.add_entry(model_entry(Path(path)))

    def _on_run_requested(self) -> None:
        if self._run is not None:
            return
        try:
            run = self.plan.make_run(self.choice())
        except NapariUNetError as error:
            self.form.message.say(str(error), "problem")
            return
        self._start(run)

    def _start(self, run: FinetuneRun) -> None:
        self._run = run
        form = self.form
        order = run.order
        self.outcome.forget()
        form.message.clear()
        form.set_running(True)
        title = f"{order.parent.name} → {order.name}" if order.parent is not None else order.name
        form.panel.begin(title, [item.colour for item in order.classes])
        run.waiting.connect(form.bar.set_waiting)
        run.progressed.connect(self._on_run_progressed)
        run.plots_ready.connect(form.panel.curves.begin)
        run.told.connect(self._on_run_told)
        run.ended.connect(self._on_run_ended)
        self.destroyed.connect(run.stop)
        run.start()

    def _on_run_progressed(self, progress: Progress) -> None:
        """Steps are counted; what comes before and after them takes as long as it takes."""
        if note := NOTES.get(progress.note):
            self.form.bar.set_waiting(note)
            if progress.done:
                self.form.bar.set_ending(note)
        else:
            self.form.bar.set_progress(progress)

    def _on_run_told(self, message: object) -> None:
        panel = self.form.panel
        if isinstance(message, Losses):
            for step, loss in message.points:
                panel.curves.add_loss(step, loss)
        elif isinstance(message, HeldOut):
            panel.curves.add_dice(
                message.step, message.dice
            ) if message.step else panel.curves.set_old_dice(message.dice)
        elif isinstance(message, PreviewPart):
            panel.preview.set_part(message)

    def _on_pause_requested(self, paused: bool) -> None:
        if self._run is not None:
            self._run.pause(paused)

    def _on_stop_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending("Stopping, then comparing with the old model…")
            self._run.stop()

    def _on_cancel_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending("Cancelling…")
            self._run.cancel()

    def _on_run_ended(self, end: TrainEnd) -> None:
        run = self._run
        self._run = None
        self.form.set_running(False)
        self._said = ""
        self._on_choice_changed()
        if run is not None and end.trained is not None:
            self.outcome.take(run, end.trained)
            self.form.set_card(True)
            self.form.message.say(*said_of(end.trained, run.order))
        else:
            self.form.message.say(end.sentence, KINDS[end.kind], end.details)
        self.run_ended.emit(end)

    def _on_model_saved(self) -> None:
        """Offer the models as their files are by now; the choice stays."""
        listed = list_models()
        known = {entry.path for entry in listed}
        opened = [
            entry
            for entry in self.form.model.entries()
            if entry.header is not None and entry.path not in known
        ]
        self.form.model.set_entries([*listed, *opened])
        self._show_name()

    def _on_model_chosen(self, path: str) -> None:
        self.form.model.set_value(path)
        self.form.bar.set_obvious(
            self.form.card.isHidden() or self.form.card.segment_button.isHidden()
        )

    def _on_theme_changed(self) -> None:
        viewer = self._viewer()
        with suppress(RuntimeError):  # the dock has been closed
            if viewer is not None:
                self.form.panel.curves.set_colours(theme_colours(viewer))
