"""What can be done after the verdict: segment with the new model, go back to the old one, use the
new one anyway, see what changed.
"""

import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog

from napari_unet.errors import NapariUNetError
from napari_unet.model.formats.registry import model_file_filter, with_suffix
from napari_unet.widgets.docks.open_dock import open_dock
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.finetune.changes_layer import show_changes
from napari_unet.widgets.finetune.fields.verdict_card import NOT_LEARNT, VerdictCard
from napari_unet.widgets.finetune.order import TrainOrder
from napari_unet.widgets.finetune.plan import FinetunePlan
from napari_unet.widgets.finetune.run import FinetuneRun
from napari_unet.widgets.finetune.task import Trained, saved
from napari_unet.widgets.finetune.unfinished import checkpoint_of
from napari_unet.widgets.jobs.job import in_background

SEGMENT = "Segment"
NOT_SAVED = (
    "{} could not be saved, and is kept in memory only. {} Then press Save again, or choose "
    "another folder by Save elsewhere."
)


class FinetuneOutcome(QObject):
    """Carries out what the verdict card requests; `message` has a sentence and its kind."""

    message = Signal(str, str)
    _saved = Signal(object)

    def __init__(self, viewer: Any, card: VerdictCard, plan: FinetunePlan) -> None:
        super().__init__(card)
        self._viewer = weakref.ref(viewer)
        self._card = card
        self._plan = plan
        self._run: FinetuneRun | None = None
        self._trained: Trained | None = None
        card.segment_requested.connect(self._on_segment_requested)
        card.back_requested.connect(self._on_back_requested)
        card.anyway_requested.connect(self._on_anyway_requested)
        card.elsewhere_requested.connect(self._on_elsewhere_requested)
        card.changes_requested.connect(self._on_changes_requested)
        self._saved.connect(self._on_saved)

    def take(self, run: FinetuneRun, trained: Trained) -> None:
        """Show how a training came out."""
        self._run = run
        self._trained = trained
        self._card.set_verdict(
            trained.result.verdict, self._old_name(), run.order.name, lost=bool(trained.problem)
        )
        if trained.path is not None:
            model_news().saved.emit(str(trained.path))

    def clear(self) -> None:
        """Let go of the models, and hide the card."""
        self._run = None
        self._trained = None
        self._card.clear()

    def _old_name(self) -> str:
        parent = self._run.order.parent if self._run is not None else None
        return parent.name if parent is not None else ""

    def _on_segment_requested(self) -> None:
        run = self._run
        trained = self._trained
        if run is None or trained is None or trained.path is None:
            return
        model_news().chosen.emit(str(trained.path))
        dock = open_dock(self._viewer(), SEGMENT)
        if dock is not None:
            dock.segment(trained.path, run.pairs[0].image)

    def _on_back_requested(self) -> None:
        if self._run is not None and self._run.order.parent is not None:
            model_news().chosen.emit(str(self._run.order.parent.path))
            self._card.show_buttons(segment=False, back=False)
            new = self._run.order.name
            sentence = f"{self._old_name()} is chosen again; {new} stays in the list of models."
            self.message.emit(sentence, "info")

    def _on_anyway_requested(self) -> None:
        run = self._run
        trained = self._trained
        if run is None or trained is None:
            return
        if trained.path is not None:
            self._use(trained.path)
            return

        self._write(trained, run.order.path, run.order.path)

    def _on_elsewhere_requested(self) -> None:
        run = self._run
        trained = self._trained
        if run is None or trained is None:
            return
        known = str(Path.home() / run.order.path.name)
        path, _ = QFileDialog.getSaveFileName(
            self._card, "Save the model", known, model_file_filter()
        )
        if path:
            self._write(trained, with_suffix(Path(path)), run.order.path)

    def _write(self, trained: Trained, path: Path, planned: Path) -> None:
        """Write the new model in the background, under another path than was planned or not."""

        def write() -> None:
            with suppress(RuntimeError):  # the window has been closed
                self._saved.emit(saved(trained.result, path, checkpoint_of(planned)))

        in_background(write)

    def _on_saved(self, trained: Trained) -> None:
        before = self._trained
        run = self._run
        if before is None or run is None or trained.result is not before.result:
            return  # another training has begun meanwhile
        if trained.path is None:
            self.message.emit(trained.problem, "error")
            return
        if before.problem:  # "Save again" does what the end of the training could not
            self.take(run, trained)
            self.message.emit(*closing_message(trained, run.order))
        else:
            self._trained = trained
            model_news().saved.emit(str(trained.path))
            self._use(trained.path)

    def _use(self, path: Path) -> None:
        model_news().chosen.emit(str(path))
        self._card.show_buttons(segment=True, back=bool(self._old_name()))

    def _on_changes_requested(self) -> None:
        self._try(self._show_changes)

    def _show_changes(self) -> None:
        run = self._run
        trained = self._trained
        viewer = self._viewer()
        if run is None or trained is None or viewer is None:
            return
        for number, pair in enumerate(run.pairs):
            changes = [change for change in trained.result.changes if change.item == number]
            images = self._plan.image_layers(pair.image)
            if changes and images:
                show_changes(viewer, images[0], pair.image.axes, self._plan.scan(pair), changes)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except NapariUNetError as error:
            self.message.emit(str(error), "problem")


def closing_message(trained: Trained, order: TrainOrder) -> tuple[str, str]:
    """What to say after a training besides the verdict, and the kind of that message."""
    sentence, kind = _about_file(trained, order)
    if kind == "done" and trained.result.verdict.kind == NOT_LEARNT:
        kind = "info"  # a file of a model that knows nothing is no success
    return " ".join([*trained.result.notes, sentence]), kind


def _about_file(trained: Trained, order: TrainOrder) -> tuple[str, str]:
    """Whether and where the new model is saved, and the kind of that message."""
    if trained.problem:
        return NOT_SAVED.format(order.name, trained.problem), "error"
    if trained.path is None:
        return f"{order.name} was not saved; Use anyway keeps it.", "info"
    if trained.path != order.path:
        return f"Saved as {trained.path}.", "done"
    if order.parent is not None and trained.result.best is trained.result.parent:
        return f"Saved as {order.name}; {order.parent.name} stays chosen.", "done"
    return f"Saved as {order.name}.", "done"
